using System.Text;
using StableDiffusion.Batches.Tables;

namespace StableDiffusion.Tests.Batches;

public sealed class TableFileTests
{
    private const string Csv = "jobs.csv";

    [Theory]
    [InlineData("Prompt,Seed\na,1\nb,2\n", "2: Prompt=a|Seed=1", "3: Prompt=b|Seed=2")]
    [InlineData("\uFEFFPrompt;Seed\r\na, b;1\r\n\r\n;;\r\nc;2", "2: Prompt=a, b|Seed=1", "5: Prompt=c|Seed=2")]
    [InlineData("Prompt\tSeed\ra,b\t1\r", "2: Prompt=a,b|Seed=1")]
    [InlineData("sep=|\nPrompt|Seed\na;b|1", "3: Prompt=a;b|Seed=1")]
    [InlineData("\"sep=;\"\r\nPrompt;Seed\r\na;1", "3: Prompt=a|Seed=1")]
    [InlineData("#TYPE System.Object\n Prompt , Seed \n a red house , 1 ", "3: Prompt=a red house|Seed=1")]
    [InlineData("Prompt,Negative Prompt\n\"a \"\"red\"\"\r\nhouse, old\" , \" b\"\nc,\"\"", "2: Prompt=a \"red\"\nhouse, old|Negative Prompt= b", "4: Prompt=c|Negative Prompt=")]
    [InlineData("Prompt,Note\na 5\" disk,it's \"so\"", "2: Prompt=a 5\" disk|Note=it's \"so\"")]
    [InlineData("Prompt,Seed,,\na,1,,\nb,2\nc,3,,,,", "2: Prompt=a|Seed=1", "3: Prompt=b|Seed=2", "4: Prompt=c|Seed=3")]
    [InlineData("Prompt\na\n", "2: Prompt=a")]
    [InlineData("Prompt,Seed\n")]
    public void Fields_are_read_as_spreadsheets_and_people_write_them(string text, params string[] rows) => Assert.Equal(rows, Read(Csv, text));

    [Theory]
    [InlineData("a,1,2\nb,2", "3: Prompt=b|Seed=2", "it has 3 fields, and the header has 2 columns. Write a text with ',' in it between double quotes")]
    [InlineData("a\nb,2", "3: Prompt=b|Seed=2", "it has 1 field, and the header has 2 columns. Leave fields empty rather than out")]
    [InlineData("\"a,1\nb,2", "3: Prompt=b|Seed=2", "the quote at its character 1 is not closed. Close it, and double the quotes within the text")]
    [InlineData("\"a,1\n\"b\",2", "3: Prompt=b|Seed=2", "the quote at its character 1 is not closed")]
    [InlineData("\"a,1\nb,\"2\"", "3: Prompt=b|Seed=2", "the quote at its character 1 is not closed")]
    [InlineData("\"a\" house,1\nb,2", "3: Prompt=b|Seed=2", "the quote at its character 1 is not closed")]
    [InlineData("a\0,1\nb,2", "3: Prompt=b|Seed=2", "its character 2 is a NUL")]
    [InlineData("a\uFFFD,1\nb,2", "3: Prompt=b|Seed=2", "its character 2 is not in UTF-8")]
    public void A_row_in_error_is_named_with_its_line_and_the_next_one_is_read(string rows, string next, string fault)
    {
        TableRow[] read = [.. Rows(Csv, "Prompt,Seed\n" + rows)];
        Assert.Equal(2, read.Length);
        Assert.Empty(read[0].Cells);
        Assert.StartsWith($"jobs.csv, line 2: the row cannot be read: {fault}", read[0].Error!.Message, StringComparison.Ordinal);
        Assert.Equal((Csv, 2), (read[0].Error!.File, read[0].Error!.Line));
        Assert.Equal(next, Text(read[1]));
    }

    [Fact]
    public void A_row_that_is_too_long_does_not_take_others_along()
    {
        string many = new('x', TableLines.LongestRow);
        Assert.Equal(
            ["2: it is longer than 1048576 characters", "3: Prompt=b|Seed=2", "4: the quote at its character 1 is not closed. Close it, and double the quotes within the text", "5: it is longer than 1048576 characters", "6: Prompt=c|Seed=3"],
            Read(Csv, $"Prompt,Seed\n{many},1\nb,2\n\"a\n{many},\"\nc,3"));
    }

    [Fact]
    public void Fields_over_more_lines_than_a_text_has_are_an_error_of_their_first_line()
    {
        string text = "Prompt,Seed\n\"a" + string.Concat(Enumerable.Repeat("\nb,1", 1001)) + "\",1\n";
        string[] rows = Read(Csv, text);
        Assert.StartsWith("2: the quote at its character 1 is not closed", rows[0], StringComparison.Ordinal);
        Assert.Equal("3: Prompt=b|Seed=1", rows[1]);
        Assert.Equal(1002, rows.Length);
    }

    [Theory]
    [InlineData("", "is empty")]
    [InlineData("\n\n", "is empty")]
    [InlineData("sep=;\n", "is empty")]
    [InlineData("Prompt,Seed,prompt\na,1,b", "Line 1 of 'jobs.csv', which has the names of the columns, cannot be read: it has the column 'Prompt' twice")]
    [InlineData("\n,,\na,1", "Line 2 of 'jobs.csv', which has the names of the columns, cannot be read: it has no name of a column")]
    [InlineData("\"Prompt,Seed\na,1", "the quote at its character 1 is not closed")]
    [InlineData("P\0r\0o\0", "its character 2 is a NUL")]
    public void A_table_without_names_of_columns_cannot_be_read(string text, string fault) =>
        Assert.Contains(fault, Assert.Throws<TableInvalidException>(() => Read(Csv, text)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_header_of_too_many_columns_cannot_be_read() =>
        Assert.Contains("more than 1000 fields", Assert.Throws<TableInvalidException>(() => Read(Csv, string.Join(',', Enumerable.Range(0, 1001)))).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("utf-8")]
    [InlineData("utf-16")]
    [InlineData("utf-16BE")]
    public void Byte_order_marks_say_the_encoding(string name)
    {
        Encoding encoding = Encoding.GetEncoding(name);
        byte[] Bytes(string text) => [.. encoding.GetPreamble(), .. encoding.GetBytes(text)];
        Assert.Equal(["2: Prompt=猫 café|Seed=1"], Texts(Rows(Csv, Bytes("Prompt,Seed\n猫 café,1"))));
        Assert.Equal(["1: Prompt=猫"], Texts(Rows("jobs.jsonl", Bytes("""{"Prompt":"猫"}"""))));
        Assert.Equal(["2: Prompt=猫"], Texts(Rows("jobs.json", Bytes("[\n{\"Prompt\":\"猫\"}]"))));
        Assert.Equal(["1: Prompt=猫"], Texts(Rows("jobs.txt", Bytes("猫"))));
    }

    [Fact]
    public void Bytes_of_another_encoding_are_an_error_of_their_row() =>
        Assert.Equal(["2: its character 4 is not in UTF-8. Save the file as UTF-8", "3: Prompt=b|Seed=2"], Texts(Rows(Csv, Encoding.Latin1.GetBytes("Prompt,Seed\ncafé,1\nb,2"))));

    [Fact]
    public void Lines_of_JSON_are_read_each_by_itself() => Assert.Equal(
        [
            "1: Prompt=a|Seed=1|GuidanceScale=5.5|Lora=[x, y]|SharedGenerator=True|Model=|SchedulerOption={eta=0.5}|Big=18446744073709551615",
            "3: it is a list, not an object such as {\"Prompt\": \"a red house\"}",
            "4: it has the property 'prompt' twice",
            "5: it is not valid JSON from its byte 12 on. Each line has one object",
            "6: it has a text that is not Unicode. Save the file as UTF-8",
            "7: Prompt=b",
            "8: it is the last line and not complete: its writer was stopped. Write it anew, or delete it",
        ],
        Read("jobs.jsonl", """
            {"Prompt":"a","Seed":1,"GuidanceScale":5.5,"Lora":["x","y"],"SharedGenerator":true,"Model":null,"SchedulerOption":{"eta":0.5},"Big":18446744073709551615}

            [1]
            {"Prompt":"a","prompt":"b"}
            {"Prompt": a}
            {"Prompt":"\ud83d"}
            {"Prompt":"b"}
            {"Prom
            """.ReplaceLineEndings("\n")));

    [Fact]
    public void Lists_of_JSON_tell_the_lines_of_their_elements() => Assert.Equal(
        ["1: Prompt=a", "3: Prompt=b|Seed=2", "5: it is a number, not an object such as {\"Prompt\": \"a red house\"}", "5: Prompt=c"],
        Read("jobs.json", "[{\"Prompt\":\"a\"},\n\n{\"Prompt\":\"b\",\n\"Seed\":2},\n5, {\"Prompt\":\"c\"}\n]\n"));

    [Fact]
    public void An_object_of_JSON_is_one_row() => Assert.Equal(["1: Prompt=a"], Read("jobs.json", """{"Prompt":"a"}"""));

    [Theory]
    [InlineData("", "is empty", 0)]
    [InlineData(" \n", "is empty", 0)]
    [InlineData("[{\"Prompt\":\"a\"},\n{\"Prompt\":b}]", "not valid JSON from line 2 on", 1)]
    [InlineData("[{\"Prompt\":\"a\"},\n{\"Prompt\":\"b", "not valid JSON from line 2 on", 1)]
    [InlineData("[{\"Prompt\":\"a\"}\n", "not valid JSON from line 2 on", 1)]
    [InlineData("{\"Prompt\":\"a\"}\n{\"Prompt\":\"b\"}", "let its name end in .jsonl", 1)]
    public void What_is_not_JSON_ends_a_list(string text, string fault, int rows)
    {
        List<TableRow> read = [];
        Assert.Contains(fault, Assert.Throws<TableInvalidException>(() => read.AddRange(Rows("jobs.json", text).Select(row => row).Where(row => Add(row)))).Message, StringComparison.Ordinal);
        Assert.Equal(rows, read.Count);

        bool Add(TableRow row)
        {
            read.Add(row);
            return false;
        }
    }

    [Fact]
    public void Lists_longer_than_the_buffer_are_read_in_parts()
    {
        string big = new('x', 200_000);
        string text = "[" + string.Join(",\n", Enumerable.Range(0, 2000).Select(static index => $$"""{"Prompt":"p{{index}}","Seed":{{index}}}""")) + $",\n{{\"Prompt\":\"{big}\"}}]";
        TableRow[] rows = [.. Rows("jobs.json", text)];
        Assert.Equal(2001, rows.Length);
        Assert.Equal("1235: Prompt=p1234|Seed=1234", Text(rows[1234]));
        Assert.Equal(big, rows[2000].Cells[0].Value);
        Assert.Contains("longer than", Assert.Throws<TableInvalidException>(() => Read("jobs.json", $"[\"{new string('x', 5 << 20)}\"]")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Texts_have_a_prompt_on_each_line() =>
        Assert.Equal(["1: Prompt=a red house", "4: Prompt=a, b;c"], Read("prompts.txt", " a red house \n\n # no\na, b;c"));

    [Fact]
    public void A_delimiter_can_be_given()
    {
        Assert.Equal(["2: Prompt=a,b|Seed=1"], Texts(TableFile.Read(new MemoryStream("Prompt;Seed\na,b;1"u8.ToArray()), "export.txt", ';', CancellationToken.None)));
        Assert.Throws<InvalidSettingException>(() => Texts(TableFile.Read(new MemoryStream("Prompt"u8.ToArray()), Csv, '"', CancellationToken.None)));
        Assert.Throws<TableInvalidException>(() => Read("export.xlsx", "Prompt"));
        Assert.Throws<TableInvalidException>(() => TableFile.Read("none.csv", cancellationToken: TestContext.Current.CancellationToken).Count());
    }

    [Fact]
    public void A_long_table_is_read_without_being_kept()
    {
        const int Count = 100_000;
        using Endless stream = new("Prompt,Seed\n", "a red house on the snow at sunset,42\n", Count);
        long before = GC.GetTotalMemory(forceFullCollection: true), most = 0;
        int count = 0;
        foreach (TableRow row in TableFile.Read(stream, Csv, delimiter: null, TestContext.Current.CancellationToken))
        {
            Assert.Equal(2, row.Cells.Count);
            if (++count % 20_000 == 0)
                most = Math.Max(most, GC.GetTotalMemory(forceFullCollection: true) - before);
        }

        Assert.Equal(Count, count);
        Assert.InRange(most, long.MinValue, 4 << 20);
    }

    private static string[] Read(string file, string text) => Texts(Rows(file, text));

    private static IEnumerable<TableRow> Rows(string file, string text) => Rows(file, Encoding.UTF8.GetBytes(text));

    private static IEnumerable<TableRow> Rows(string file, byte[] data) => TableFile.Read(new MemoryStream(data), file, delimiter: null, CancellationToken.None);

    private static string[] Texts(IEnumerable<TableRow> rows) => [.. rows.Select(Text)];

    private static string Text(TableRow row) => row.Error is { } error
        ? $"{row.Line}: {error.Message[$"{row}: the row cannot be read: ".Length..^1]}"
        : $"{row.Line}: {string.Join('|', row.Cells.Select(static cell => $"{cell.Key}={Value(cell.Value)}"))}";

    private static string Value(object? value) => value switch
    {
        object?[] list => $"[{string.Join(", ", list.Select(Value))}]",
        IReadOnlyDictionary<string, object?> properties => $"{{{string.Join(", ", properties.Select(static property => $"{property.Key}={Value(property.Value)}"))}}}",
        _ => FormattableString.Invariant($"{value}"),
    };

    /// <summary>A text with a line that is repeated, which is made as it is read.</summary>
    private sealed class Endless(string header, string line, int count) : MemoryStream
    {
        private byte[] _rest = Encoding.UTF8.GetBytes(header);
        private int _left = count;

        public override int Read(Span<byte> buffer)
        {
            if (_rest.Length == 0 && _left-- > 0)
                _rest = Encoding.UTF8.GetBytes(line);
            int length = Math.Min(buffer.Length, _rest.Length);
            _rest.AsSpan(0, length).CopyTo(buffer);
            _rest = _rest[length..];
            return length;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));
    }
}
