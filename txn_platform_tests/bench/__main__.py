from txn_platform_tests.bench.ingest import main

if __name__ == "__main__":
    main()
