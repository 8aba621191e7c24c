"""Private hooks of other libraries, one file for what is hooked, each behind a named function.

Nothing else in the house may rest on a name that its library does not document. A function here
says what it is for, which public way was tried and what happens without it; a test in
``tests/_compat`` fails with the hook's name as soon as a release changes it.
"""

from __future__ import annotations
