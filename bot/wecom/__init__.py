"""WeCom (企业微信): the self-built app's callback, its calls, and its words for what people do."""
