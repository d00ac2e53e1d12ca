"""Domain snapshot → neutral Card → WeCom or DingTalk payload. Pure functions."""
