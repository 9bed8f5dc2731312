//go:build tools

// Package s3server pins the S3 server that tests and the demo run against.
package s3server

import _ "github.com/versity/versitygw/cmd/versitygw"
