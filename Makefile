# What can be done with this tree, one target each: `make help` lists them.
# Whatever takes more than a line or two of shell is a script in tools/.

SHELL         := bash
.DEFAULT_GOAL := help
.NOTPARALLEL: # one check after the other, so that the last thing printed is what failed

BUF         := go tool -modfile=tools/buf/go.mod buf
STATICCHECK := go tool -modfile=tools/staticcheck/go.mod staticcheck
NPM         := npm --prefix clients/web --silent

# How long each fuzzer runs: 30s, 10m, or 1000x for a thousand inputs.
FUZZTIME ?= 5s

.PHONY: help
help: ## list the targets (the default)
	@awk -F ':.*## ' '/^#### /    { printf "\n%s\n", substr($$0, 6) } \
	                  /^[a-z-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

#### To work with

.PHONY: build test test-cluster generate format lint fuzz bench bench-against bench-guard bench-curves deploy-check-test release-contract

build: need-go ## build the server: bin/beckon
	@echo "==> build"
	@go build -ldflags "-X main.version=$$(git describe --tags --always --dirty 2>/dev/null)" -o bin/ ./cmd/beckon

test: need-go need-cc need-nginx need-node need-chromium ## check everything a change must pass
test: gofmt buf-format buf-lint buf-breaking generated tidy vet staticcheck go-test deploy-check fuzz web-check web-test browser-test
	@echo "==> everything passed"

test-cluster: need-go ## break clusters of three nodes and three NATS servers in all ways, which takes some minutes
	@echo "==> test-cluster"
	@set -o pipefail; go test -count=1 -timeout=15m -run TestCluster -v ./cmd/beckon/faults -args -long | grep -v '^=== '

generate: need-go web-deps ## write generated code anew from proto/, and the page's bundle from its source
	@echo "==> generate"
	@$(BUF) generate
	@$(NPM) run generate
	@$(NPM) run page

format: need-go web-deps ## format the Go, proto and TypeScript files in place
	@echo "==> format"
	@tools/gofmt.sh write
	@$(BUF) format --write
	@$(NPM) run format

lint: buf-lint vet staticcheck ## look for mistakes without running anything

fuzz: need-go ## fuzz each fuzz target in the tree for FUZZTIME (5s)
	@echo "==> fuzz, $(FUZZTIME) each"
	@tools/fuzz.sh $(FUZZTIME)

bench: need-go ## run the benchmarks
	@echo "==> bench"
	@go test -run='^$$' -bench=. -benchmem ./...

bench-against: build ## measure the server beside a bare gRPC relay, with calls and idle sessions
	@echo "==> bench-against"
	@bin/beckon bench --against bare

bench-guard: need-go ## measure this tree beside REF (the last tag), and fail if it got worse
	@echo "==> bench-guard"
	@tools/bench-guard.sh $(REF)

deploy-check-test: need-go ## whether deploy-check finds mistakes, which takes a minute
	@echo "==> deploy-check-test"
	@CGO_ENABLED=0 go -C tools/deploylint test -count=1 -trimpath -timeout 5m .

bench-curves: build ## draw how the server scales, into docs/performance; takes some minutes
	@echo "==> bench-curves"
	@bin/beckon bench curves --pin --out docs/performance

release-contract: need-go ## with a release: make today's proto/ the contract that later changes must keep
	@echo "==> release-contract"
	@$(BUF) build --exclude-source-info --output proto/released.binpb

#### The checks of `make test`, to run one alone

.PHONY: gofmt buf-format buf-lint buf-breaking generated tidy vet staticcheck go-test deploy-check

gofmt: need-go ## Go files are formatted
	@echo "==> gofmt"
	@tools/gofmt.sh check

buf-format: need-go ## proto files are formatted
	@echo "==> buf format"
	@$(BUF) format --diff --exit-code || { echo "To fix it: make format" >&2; exit 1; }

buf-lint: need-go ## proto files keep to buf's style
	@echo "==> buf lint"
	@$(BUF) lint

buf-breaking: need-go ## nothing that was released is broken: proto/ against proto/released.binpb
	@echo "==> buf breaking"
	@$(BUF) breaking --against proto/released.binpb

generated: need-go ## gen/ is what proto/ generates
	@echo "==> generated code"
	@tools/check-generated.sh

tidy: need-go ## go.mod and go.sum are complete and hold nothing else
	@echo "==> go mod tidy"
	@tools/check-tidy.sh

vet: need-go ## go vet
	@echo "==> vet"
	@go vet ./...
	@go vet -C tools/promlint .
	@go vet -C tools/deploylint .

staticcheck: need-go ## staticcheck
	@echo "==> staticcheck"
	@$(STATICCHECK) ./...

go-test: need-go need-cc need-nginx ## the tests, with the race detector
	@echo "==> go test -race"
	@CGO_ENABLED=1 go test -race ./...
	@echo "==> go test, the long simulations without it"
	@set -o pipefail; go test -run 'TestSimulation|TestRestart|TestFaults|TestCrowd|TestCluster' -v ./server ./cmd/beckon/faults | grep -v '^=== '

deploy-check: need-go ## the compose files and Kubernetes manifests: against their schemas, and with the real program
	@echo "==> deploy: compose files, Kubernetes manifests"
	@CGO_ENABLED=0 go -C tools/deploylint run -trimpath . ../../deploy

.PHONY: web-deps web-check web-test browser-test

web-deps: need-node ## what the TypeScript client is built with, in clients/web/node_modules
	@tools/web-deps.sh

web-check: web-deps ## the TypeScript client and the page: types, format, size, generated code and bundle fresh
	@echo "==> web: format, generated code, bundle, size"
	@$(NPM) run check-format
	@$(NPM) run check-generated
	@$(NPM) run check-page
	@$(NPM) run size

web-test: need-go web-deps ## the TypeScript client's tests, in Node
	@echo "==> web: tests in Node"
	@$(NPM) test

browser-test: need-go need-chromium web-deps ## the page and the client in Chromium
	@echo "==> web: tests in Chromium"
	@$(NPM) run test:browser

.PHONY: need-go need-cc need-nginx need-node need-chromium
need-go need-cc need-nginx need-node need-chromium: need-%:
	@tools/need.sh $*
