"""Calendars and lists, in and out: iCalendar and CSV."""
