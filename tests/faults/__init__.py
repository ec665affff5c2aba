"""Whole gateways under faults: processes killed, frozen and restarted, databases and stores taken away, clocks moved."""
