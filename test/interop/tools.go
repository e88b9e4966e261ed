//go:build tools

// The program that is built from aperture itself, so that go.sum covers what it needs.
package main

import _ "github.com/lightninglabs/aperture/cmd/aperture"
