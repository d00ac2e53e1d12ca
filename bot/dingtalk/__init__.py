"""DingTalk: the stream that brings what people do, and the API half that shows them things."""
