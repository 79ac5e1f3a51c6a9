#!/bin/sh
# Notes method, target and digest of the body of each request; DIRECTORY/seen.log.
sum=$(sha256sum)
echo "$REQUEST_METHOD $REQUEST_URI ${sum%% *}" >>DIRECTORY/seen.log
printf 'Content-Type: text/plain\r\n\r\n%s' "$REQUEST_URI"
