#!/bin/sh
# Brings the backup in /backups into a bucket, and back again to compare: upload-backup.sh ADDRESS REGION, where ADDRESS is
# that of the folder in the bucket. Signed by curl (AWS Signature Version 4), but for the content: it is compared.
set -eu
address=$1
region=$2
keys=/run/secrets/s3
refuse() {
  echo "$*" | tee /dev/termination-log >&2
  exit 1
}
# the keys by standard input: arguments can be seen by others
s3() {
  printf 'user = "%s:%s"\n' "$(cat $keys/access-key-id)" "$(cat $keys/secret-access-key)" |
    curl --config - --aws-sigv4 "aws:amz:$region:s3" --header 'x-amz-content-sha256: UNSIGNED-PAYLOAD' --fail-with-body --silent --show-error \
      --connect-timeout 20 --max-time 1200 --retry 5 --retry-connrefused "$@" 2>&1
}
for file in /backups/*.rdb; do
  name=${file##*/}
  [ -s "$file" ] || refuse 'No backup: nothing was made that could be uploaded'
  said=$(s3 --upload-file "$file" "$address/$name") || refuse "No backup: the upload failed: $said"
  said=$(s3 --output /backups/.back "$address/$name") || refuse "No backup: what was uploaded cannot be read: $said"
  cmp -s "$file" /backups/.back || refuse 'No backup: what came back is not what was uploaded'
  rm /backups/.back
  echo "$name: $(wc -c <"$file") bytes in $address"
done
