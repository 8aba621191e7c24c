"""Wrap private and undocumented names of other libraries in functions, one file for each subject.

No other room may use a name that its library does not document. Each function here says what it is
for, which public way was tried, and what happens without it. A test in ``tests/_compat`` fails with
the name of the hook as soon as a release changes it.
"""

from __future__ import annotations
