//go:build !race

package faults

// raceDetector tells that the test has it, and so has the server.
const raceDetector = false
