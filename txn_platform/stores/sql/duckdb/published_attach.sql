ATTACH $path AS {catalog} (READ_ONLY);
