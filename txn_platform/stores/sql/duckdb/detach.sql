DETACH {draft};
