"""Real processes, real servers, both messengers with their bad weather, and somebody who pulls the plugs.

``python -m chaos`` (``make chaos``) sends orders as salespeople do, lets technicians decide them, and breaks things
all the while. At the end ``checker`` compares what the platforms saw with what the database holds. The same seed
plans the same orders, troubles and faults; what the machine does between them is its own.
"""
