package server

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// begun opens a call whose request does not come.
func begun(t *testing.T, conn *grpc.ClientConn, method string) grpc.ClientStream {
	t.Helper()
	st, err := conn.NewStream(t.Context(), &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, method)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// ended reports whether a call ends by itself.
func ended(t *testing.T, st grpc.ClientStream) bool {
	t.Helper()
	over := make(chan error, 1)
	go func() { over <- st.RecvMsg(new(beckonv1.SendResponse)) }()
	select {
	case err := <-over:
		return err != nil
	case <-time.After(5 * time.Second):
		return false
	}
}

// TestSlowRequests: a call whose request does not come ends, whether or not it would need a session.
func TestSlowRequests(t *testing.T) {
	s, addr := serveGated(t, Config{HandshakeTimeout: 50 * time.Millisecond})
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	for _, method := range []string{
		beckonv1.Signal_Send_FullMethodName, beckonv1.Signal_Listen_FullMethodName, healthv1.Health_Check_FullMethodName,
	} {
		if !ended(t, begun(t, conn, method)) {
			t.Errorf("a call of %s has not ended in 5 s, though nothing has come", method)
		}
	}
	counted(t, s, `beckon_calls_cut_total{reason="no_request"} 3`)
}

// TestMaxPendingCalls: of calls that belong to no session the oldest end when there are too many.
func TestMaxPendingCalls(t *testing.T) {
	s, addr := serveGated(t, Config{MaxPending: 3})
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	watch, err := healthv1.NewHealthClient(conn).Watch(t.Context(), new(healthv1.HealthCheckRequest))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := watch.Recv(); err != nil {
		t.Fatal(err)
	}
	reflection, err := reflectionv1.NewServerReflectionClient(conn).ServerReflectionInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		begun(t, conn, beckonv1.Signal_Send_FullMethodName)
	}
	if !ended(t, watch) || !ended(t, reflection) {
		t.Error("the oldest calls have not ended")
	}
	counted(t, s, `beckon_calls_cut_total{reason="too_many"} 2`)
}

// TestWaitingCame: a call whose request has come is bounded no more.
func TestWaitingCame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := waiting{most: 1, timeout: time.Second}
		listen := w.admit(t.Context(), beckonv1.Signal_Listen_FullMethodName)
		w.came(listen)
		send, cancel := context.WithCancel(t.Context())
		late := w.admit(send, beckonv1.Signal_Send_FullMethodName)
		connect := w.admit(t.Context(), beckonv1.Signal_Connect_FullMethodName)
		time.Sleep(2 * time.Second)
		if listen.Err() != nil || connect.Err() != nil {
			t.Error("a call has ended that has nothing to wait for")
		}
		if late.Err() == nil {
			t.Error("a call has not ended whose request has not come")
		}
		synctest.Wait()
		cancel()
		if n := w.calls.Len(); n != 0 {
			t.Errorf("%d calls are left, want none", n)
		}
	})
}
