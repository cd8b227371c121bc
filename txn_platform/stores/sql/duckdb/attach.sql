ATTACH $path AS {draft};
