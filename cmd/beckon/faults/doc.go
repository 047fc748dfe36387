// Package faults is a test of the promises that Beckon makes about failing networks and servers: the beckon command runs
// as a process of its own, its clients use the Go client, and between them stands a proxy that cuts, delays and swallows
// what it carries. Time is real here, as the processes are.
//
// Each scenario is one way to fail, under a load of calls and of messages to whole rooms. Every message is numbered, and
// when everybody is back, what each client saw is compared with what was sent: see oracle_test.go.
//
// TestCluster does the same to several nodes and the NATS servers that they share, all of them processes of their own: see
// cluster_test.go. Some of its scenarios run with the other tests, on one NATS server; "make test-cluster" runs them all, on
// three. With the variable BECKON_FAULTS_LOGS, a folder, the nodes' logs are kept there.
package faults
