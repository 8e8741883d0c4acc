@testset "JSON" begin
    read = Etcd.JSON.parse

    @testset "values" begin
        @test read(" {} ") == Dict{String,Any}()
        @test read("[]") isa Vector{Any}
        @test read("{\"a\":{\"b\":[1,{}]},\"c\":\"d\"}") ==
              Dict("a" => Dict("b" => Any[1, Dict()]), "c" => "d")
        @test read("[true, false, null]") == [true, false, nothing]
    end

    @testset "numbers" begin
        @test read("-9223372036854775808") === typemin(Int64)
        @test read("9223372036854775807") === typemax(Int64)
        @test read("18446744073709551615") === typemax(UInt64)
        @test read("18446744073709551616") === 2.0^64
        @test read("-1.5e3") === -1500.0
        @test read("0") === Int64(0)
    end

    @testset "strings" begin
        @test read("\"\"") == ""
        @test read("\"héllo 😀\"") == "héllo 😀"
        @test read("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"") == "\"\\/\b\f\n\r\t"
        @test read("\"\\u00e9\\u2603\\u0000\"") == "é☃\0"
        @test read("\"\\ud83d\\ude00\"") == "😀"
        @test read("\"\\uD83D\\uDE00\"") == "😀"
        @test read("\"\\ud83d x \\ude00 \\ud83d\\u0041\"") == "\ufffd x \ufffd \ufffdA"
    end

    @testset "a thousand levels, and many more" begin
        for depth in (1_000, 100_000)
            value = read("[{\"a\":"^depth * "1" * "}]"^depth)
            for _ in 1:depth
                value = only(value)["a"]
            end
            @test value == 1
        end
    end

    @testset "what is not JSON" begin
        for text in (
            "", "{", "[", "]", "[1,]", "[1 2]", "[1}", "{\"a\":1]", "{\"a\":1,}",
            "{\"a\" 1}", "{a:1}", "01", "+1", "1.", ".5", "1e", "-", "tru", "nul", "1 2",
            "'a'", "\"a", "\"\\x\"", "\"\\u12\"", "\"\n\"", "\0",
        )
            @test_throws ArgumentError read(text)
        end
    end
end
