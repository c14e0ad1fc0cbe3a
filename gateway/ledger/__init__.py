"""The truth about spend: one immutable row per request, from the worker's spool to the database and its reports."""
