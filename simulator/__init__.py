"""WeCom and DingTalk as strict local servers, and the page with the phones.

Imports nothing of the bot: it is reached by, and reaches the bot, only over the wire.
"""
