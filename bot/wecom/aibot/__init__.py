"""The intelligent bot (智能机器人): intake of text, speech, pictures and files, also from groups (wire section 7)."""
