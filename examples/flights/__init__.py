"""Every flight that left New York in 2013, served by FastAPI from any of three databases.

``models`` are the tables, ``schemas`` what goes in and out, ``services`` what can be asked, ``app``
the application; ``data`` reads the CSV files and ``load`` fills an empty database with them.
"""
