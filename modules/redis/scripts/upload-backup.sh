#!/bin/sh
# Uploads the backup in /backups to a bucket, then downloads and compares it: upload-backup.sh ADDRESS REGION, where
# ADDRESS is the URL of the folder in the bucket. curl signs requests (AWS Signature Version 4), except the content.
set -eu
address=$1
region=$2
keys=/run/secrets/s3
refuse() {
  echo "$*" | tee /dev/termination-log >&2
  exit 1
}
# the keys go through standard input, because arguments are visible to other processes
s3() {
  printf 'user = "%s:%s"\n' "$(cat $keys/access-key-id)" "$(cat $keys/secret-access-key)" |
    curl --config - --aws-sigv4 "aws:amz:$region:s3" --header 'x-amz-content-sha256: UNSIGNED-PAYLOAD' --fail-with-body --silent --show-error \
      --connect-timeout 20 --max-time 1200 --retry 5 --retry-connrefused "$@" 2>&1
}
for file in /backups/*.rdb; do
  name=${file##*/}
  [ -s "$file" ] || refuse 'Backup failed: there is no file to upload'
  said=$(s3 --upload-file "$file" "$address/$name") || refuse "Backup failed: cannot upload: $said"
  said=$(s3 --output /backups/.back "$address/$name") || refuse "Backup failed: cannot download the uploaded file: $said"
  cmp -s "$file" /backups/.back || refuse 'Backup failed: the downloaded file differs from the uploaded one'
  rm /backups/.back
  echo "$name: $(wc -c <"$file") bytes in $address"
done
