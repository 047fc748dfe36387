//go:build race

package server_test

// raceDetector tells that the tests have it: they take several times as long.
const raceDetector = true
