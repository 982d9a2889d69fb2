using System.Text;
using StableDiffusion.Batches;
using StableDiffusion.Settings;

namespace StableDiffusion.Tests.Batches;

public sealed class JournalTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly List<string> _warnings = [];

    private string File => _folder["made.jsonl"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_is_added_is_read()
    {
        JournalEntry made = new()
        {
            Time = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.FromHours(1)),
            Status = JournalStatus.Made,
            Row = "Row 1 ('a \"red\" house')",
            File = _folder["a.png"],
            Settings = new GenerationInfo { Prompt = "a\nred 日本 house", Seed = 42, Steps = 20, Model = "/models/demo", Stages = new StageList() },
            Pixels = "0123456789abcdef",
            Seconds = 1.25,
            Device = "Cpu",
        };
        JournalEntry failed = new() { Time = made.Time, Status = JournalStatus.Failed, ErrorId = "StepsInvalid", Message = "Steps is 0." };
        Journal.Append(File, made, TestContext.Current.CancellationToken);
        Journal.Append(File, failed, TestContext.Current.CancellationToken);

        Assert.Equal([made with { Settings = made.Settings with { Model = "demo", Stages = null } }, failed], Read());
        Assert.Empty(_warnings);
        Assert.Equal(2, System.IO.File.ReadAllLines(File).Length);
    }

    [Fact]
    public void A_torn_line_is_ended_before_the_next_one()
    {
        Add("a");
        string line = System.IO.File.ReadAllText(File);
        System.IO.File.AppendAllText(File, line[..30]);
        Assert.Equal(["a"], Read().Select(static entry => entry.Row));
        Assert.Contains("The last line, 2, is torn", Assert.Single(_warnings), StringComparison.Ordinal);

        _warnings.Clear();
        Add("b");
        Assert.Equal(["a", "b"], Read().Select(static entry => entry.Row));
        Assert.Contains("Line 2 is not a line of a journal", Assert.Single(_warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void A_byte_order_mark_and_other_line_ends_are_no_part_of_lines()
    {
        Add("a");
        string line = System.IO.File.ReadAllText(File).TrimEnd();
        System.IO.File.WriteAllText(File, $"{line}\r\n\r\n{line}", new UTF8Encoding(encoderShouldEmitUTF8Identifier: true));
        Assert.Equal(["a", "a"], Read().Select(static entry => entry.Row));
        Assert.Empty(_warnings);
    }

    [Fact]
    public void Lines_of_others_are_passed_over_with_a_few_warnings()
    {
        System.IO.File.WriteAllLines(File, [.. Enumerable.Range(0, 20).Select(static number => $$"""{"time":{{number}}}"""), new string('x', Journal.LongestLine + 1), """{"time":"2026-01-02T03:04:05Z","status":"7"}"""]);
        Add("a");
        Assert.Equal("a", Assert.Single(Read()).Row);
        Assert.Equal(6, _warnings.Count);
        Assert.Equal("22 lines of 23 could not be read.", _warnings[^1]);
    }

    [Fact]
    public void Many_can_write_at_once()
    {
        const int Writers = 8, Entries = 50;
        Parallel.For(0, Writers, writer =>
        {
            for (int entry = 0; entry < Entries; entry++)
                Add($"{writer} {entry} {new string('x', 1 << (entry % 14))}");
        });
        string[] rows = [.. Read().Select(static entry => entry.Row!.TrimEnd('x'))];
        Assert.Empty(_warnings);
        Assert.Equal(Enumerable.Range(0, Writers * Entries).Select(static number => $"{number / Entries} {number % Entries} ").Order(StringComparer.Ordinal), rows.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void What_cannot_be_opened_is_an_error_that_names_it()
    {
        Assert.Contains(File, Assert.Throws<JournalInvalidException>(Read).Message, StringComparison.Ordinal);
        Directory.CreateDirectory(File);
        Assert.Contains(File, Assert.Throws<OutputWriteException>(() => Add("a")).Message, StringComparison.Ordinal);
    }

    private void Add(string row) => Journal.Append(File, new JournalEntry { Time = DateTimeOffset.UnixEpoch, Status = JournalStatus.Unchanged, Row = row }, TestContext.Current.CancellationToken);

    private List<JournalEntry> Read() => [.. Journal.Read(File, _warnings.Add, TestContext.Current.CancellationToken)];
}
