"""Where goods lie, which batch an order takes, which orders leave next, and the path of the picker (F050 on).

Everything here is a pure function over frozen values: no database and no clock (``now`` is handed in).
Read in this order: ``bins`` and ``lots`` (the nouns), ``allocation`` (batches for lines), ``world`` and
``planner`` (orders for waves), ``layout`` and ``routing`` (the walk), ``sheet`` (what the picker holds).
A plan is advice: a reservation is one conditional update per stock cell in ``storage``.
"""
