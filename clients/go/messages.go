package beckon

import beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"

// The messages that a client sends, as specified in beckon/v1/signal.proto.
type (
	// ConnectRequest is any of them in its envelope, for [Session.Do] and [Session.Send].
	ConnectRequest = beckonv1.ConnectRequest
	// Join enters a room.
	Join = beckonv1.Join
	// Offer calls somebody, or renegotiates.
	Offer = beckonv1.Offer
	// Answer accepts an offer.
	Answer = beckonv1.Answer
	// Candidate tells of ICE candidates.
	Candidate = beckonv1.Candidate
	// Reject declines a call.
	Reject = beckonv1.Reject
	// Hangup ends a call.
	Hangup = beckonv1.Hangup
	// Data carries a message of the application's own.
	Data = beckonv1.Data
	// Update changes what others see of oneself.
	Update = beckonv1.Update
)

// What messages and events are made of.
type (
	// IceCandidate is the dictionary RTCIceCandidateInit of W3C WebRTC 1.0.
	IceCandidate = beckonv1.IceCandidate
	// IceServer is the dictionary RTCIceServer of W3C WebRTC 1.0, with an expiry.
	IceServer = beckonv1.IceServer
	// Limits is what a session may use.
	Limits = beckonv1.Limits
	// Sender is who sent an event, as the server knows it.
	Sender = beckonv1.Sender
	// User is somebody in a room.
	User = beckonv1.User
	// Welcome is what the server said first: who the client is and what it may do.
	Welcome = beckonv1.Welcome
)

// Presence is how much of a room's presence a member hears.
type Presence = beckonv1.Presence

// The modes of [Presence]; PresenceFull is the default.
const (
	// PresenceFull brings JoinedUsers, the whole list, at every change.
	PresenceFull = beckonv1.Presence_PRESENCE_FULL
	// PresenceDelta brings JoinedUsers once, then UserJoined, UserUpdated and UserLeft.
	PresenceDelta = beckonv1.Presence_PRESENCE_DELTA
	// PresenceNone brings nothing but oneself.
	PresenceNone = beckonv1.Presence_PRESENCE_NONE
)

// UserStatus is whether a user's connection is up; a hint.
type UserStatus = beckonv1.UserStatus

// UserAway is the [UserStatus] of a user whose connection is lost, but who may come back.
const UserAway = beckonv1.UserStatus_USER_STATUS_AWAY

// RejectReason is why a call was declined; the zero value is a plain no.
type RejectReason = beckonv1.RejectReason

// The reasons of [Reject] and [CallRejected].
const (
	// RejectBusy: in another call.
	RejectBusy = beckonv1.RejectReason_REJECT_REASON_BUSY
	// RejectNoAnswer: nobody picked up.
	RejectNoAnswer = beckonv1.RejectReason_REJECT_REASON_NO_ANSWER
	// RejectUnsupported: the offer cannot be served.
	RejectUnsupported = beckonv1.RejectReason_REJECT_REASON_UNSUPPORTED
)

// HangupReason is why a call ended; the zero value is that its user ended it.
type HangupReason = beckonv1.HangupReason

// The reasons of [Hangup] and [CallEnded].
const (
	// HangupCancelled: taken back before it was answered.
	HangupCancelled = beckonv1.HangupReason_HANGUP_REASON_CANCELLED
	// HangupTimeout: not answered in time.
	HangupTimeout = beckonv1.HangupReason_HANGUP_REASON_TIMEOUT
	// HangupFailed: the connection could not be made, or was lost.
	HangupFailed = beckonv1.HangupReason_HANGUP_REASON_FAILED
)

// LeaveReason is why a user is no longer in a room.
type LeaveReason = beckonv1.LeaveReason

// The reasons of [UserLeft].
const (
	// LeaveLeft: the user left the room or ended the session.
	LeaveLeft = beckonv1.LeaveReason_LEAVE_REASON_LEFT
	// LeaveLost: the user's connection was lost and did not come back.
	LeaveLost = beckonv1.LeaveReason_LEAVE_REASON_LOST
	// LeaveKicked: an operator took the user out.
	LeaveKicked = beckonv1.LeaveReason_LEAVE_REASON_KICKED
	// LeaveReplaced: the same identity came in anew.
	LeaveReplaced = beckonv1.LeaveReason_LEAVE_REASON_REPLACED
	// LeaveExpired: access ran out.
	LeaveExpired = beckonv1.LeaveReason_LEAVE_REASON_EXPIRED
)
