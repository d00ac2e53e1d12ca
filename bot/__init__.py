"""The process: sockets, clocks, wiring. The only room that knows every other."""
