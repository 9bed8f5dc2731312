//go:build tools

// Package engine pins the Pulumi engine that tools/bootstrap.mjs builds where
// the official download cannot be reached.
package engine

import _ "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
