using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using StableDiffusion.Metadata;

namespace StableDiffusion.Tests.Metadata;

public sealed class InfotextParserTests
{
    private const int RandomTexts = 20_000;

    // Pieces that the grammar takes notice of, and letters of all lengths and kinds.
    private static readonly string[] s_pieces =
    [
        "a cat", "(house:1.3)", "\nNegative prompt:", "Negative prompt:", "Steps: 20", ", Sampler: Euler a", ", CFG scale: 7", ", Size: 512x768", ", Seed: 5", ", Size-1: 4, Size-2: 5",
        "\"", "\\", "\\\"", ",", ", ", ":", ": ", "\n", "\r\n", "\t", " ", "é", "日本", "🦓", "\ud83e", "\udd93", "\u00a0", "\u001c", "-", "/", "_", "x", "1", "٣", "Ⅷ", "½",
        ", kk: \"a, b\"", ", kk: \"\\u00e9\"", "\"\\ud83e\"", ", jj: \"\"", ", ll: \"\\n\"", "{\"a\": 1}", "\0", ", Prompt: p", ", 3D: 12x34",
    ];

    // A1111's own answers.
    public static TheoryData<int> Cases() => [.. Enumerable.Range(0, Section("parse").Length)];

    [Fact]
    public void The_reference_has_its_cases()
    {
        Assert.Equal(14, Section("parse").Length);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_text_is_taken_apart_as_by_A1111(int index)
    {
        JsonElement item = Section("parse")[index];
        (string, string)[] expected = [.. item.GetProperty("parsed").EnumerateObject().Select(pair => (pair.Name, pair.Value.GetString()!))];

        GenerationParameters parsed = InfotextParser.Parse(item.GetProperty("text").GetString()!);

        (string, string)[] actual = [.. parsed.Settings.Select(setting => (setting.Key, setting.Value)), ("Prompt", parsed.Prompt), ("Negative prompt", parsed.NegativePrompt)];
        Assert.Equal(expected, actual);
    }

    [Fact]
    public void What_A1111_wrote_is_written_again()
    {
        // The others hold an empty value, or settings in an order that A1111 does not write them in.
        string[] texts = [.. Section("parse").Select(item => item.GetProperty("text").GetString()!)
            .Where(text => !text.Contains(": ,", StringComparison.Ordinal) && !text.Contains("Eta: 0.5, ENSD", StringComparison.Ordinal))];

        Assert.Equal(12, texts.Length);
        Assert.All(texts, text => Assert.Equal(text.Trim(), Infotext.Format(InfotextParser.Parse(text))));
    }

    [Fact]
    public void What_A1111_quoted_is_unquoted()
    {
        JsonElement[] strings = [.. Section("quote").Where(item => item.GetProperty("value").ValueKind == JsonValueKind.String)];

        Assert.Equal(7, strings.Length);
        Assert.All(strings, item => Assert.Equal(item.GetProperty("value").GetString(), InfotextParser.Unquote(item.GetProperty("quoted").GetString()!)));
    }

    // Answers of Python's json.loads, which A1111 calls; what it refuses stays as it is.
    [Theory]
    [InlineData("\"a\\\"b\\\\c\\/d\\n\\r\\t\\b\\f\"", "a\"b\\c/d\n\r\t\b\f")]
    [InlineData("\"\\u00e9\\uD83e\\udd93\"", "é🦓")]
    [InlineData("\"\"", "")]
    [InlineData("\"", "\"")]
    [InlineData("", "")]
    [InlineData("\"a", "\"a")]
    [InlineData("\"a\\\"", "\"a\\\"")]
    [InlineData("\"a\\x\"", "\"a\\x\"")]
    [InlineData("\"\\u12\"", "\"\\u12\"")]
    [InlineData("\"\\u+123\"", "\"\\u+123\"")]
    [InlineData("\"\\u 123\"", "\"\\u 123\"")]
    [InlineData("\"a\tb\"", "\"a\tb\"")]
    [InlineData("\"a\" b \"c\"", "\"a\" b \"c\"")]
    public void Quotes_come_off_as_in_Python(string value, string expected)
    {
        Assert.Equal(expected, InfotextParser.Unquote(value));
    }

    [Fact]
    public void Half_of_a_surrogate_pair_is_kept_as_in_Python()
    {
        // Not as test data: the runner cannot pass such a text on.
        Assert.Equal("\ud83e", InfotextParser.Unquote("\"\\ud83e\""));
    }

    [Theory]
    [InlineData("aa: 1, bb: 2, c: 3", 0)]
    [InlineData("aa: 1, bb: 2, cc: 3", 3)]
    [InlineData("aa:1,bb:,cc:3", 2)]
    [InlineData("aa: 1, aa: 2, aa: 3", 1)]
    [InlineData("(aa: 1, -bb: 2, /cc/d-: 3", 3)]
    [InlineData("aa\u0301: 1, bb: 2, cc: 3", 0)]
    [InlineData("𝕒𝕓: 1, Ⅷ½: 2, ٣_: 3", 3)]
    public void A_setting_has_a_name_of_two_letters_or_more(string text, int count)
    {
        Assert.Equal(count, InfotextParser.Parse(text).Settings.Count);
    }

    [Theory]
    [InlineData("512x768", "Size-1=512 Size-2=768")]
    [InlineData("\"5x7\\n\"", "Size-1=5 Size-2=7")]
    [InlineData("5x𐒠", "Size-1=5 Size-2=𐒠")]
    [InlineData("5x7 ", "Size=5x7 ")]
    [InlineData("5X7", "Size=5X7")]
    [InlineData("5x", "Size=5x")]
    [InlineData("x7", "Size=x7")]
    [InlineData("5", "Size=5")]
    public void A_size_is_divided_in_two(string value, string expected)
    {
        GenerationParameters parsed = InfotextParser.Parse($"Size: {value}, Steps: 1, Seed: 1");

        Assert.Equal(expected, string.Join(' ', parsed.Settings.SkipLast(2).Select(setting => $"{setting.Key}={setting.Value}")));
    }

    [Fact]
    public void A_setting_named_as_a_prompt_replaces_it_as_in_A1111()
    {
        GenerationParameters parsed = InfotextParser.Parse("p\nNegative prompt: n\nSteps: 1, Prompt: \"q, r\", Negative prompt: m");

        Assert.Equal(("q, r", "m", "Steps"), (parsed.Prompt, parsed.NegativePrompt, string.Join(",", parsed.Settings.Keys)));
    }

    [Fact]
    public void Any_text_is_taken_apart_as_A1111s_pattern_does_it()
    {
        Random random = new(4);
        int withSettings = 0;
        for (int i = 0; i < RandomTexts; i++)
        {
            string text = RandomText(random);
            GenerationParameters expected = ParseByPattern(text);
            GenerationParameters actual = InfotextParser.Parse(text);
            AssertSame(expected, actual, text);
            withSettings += actual.Settings.Count > 0 ? 1 : 0;
        }

        Assert.InRange(withSettings, RandomTexts / 10, RandomTexts * 9 / 10);
    }

    [Fact]
    public void What_was_taken_apart_is_written_and_taken_apart_the_same()
    {
        Random random = new(5);
        int checkedTexts = 0;
        for (int i = 0; i < RandomTexts; i++)
        {
            GenerationParameters first = InfotextParser.Parse(RandomText(random));

            // Fewer settings (a size is one) are a prompt to A1111, and this line in a negative prompt begins it anew.
            if (first.Settings.Keys.Count(name => !name.EndsWith("-2", StringComparison.Ordinal)) < 3 || $"\n{first.Prompt}\n{first.NegativePrompt}".Contains("\nNegative prompt:", StringComparison.Ordinal))
                continue;

            // A prompt that came from a setting may have lines that A1111 would write otherwise.
            if (!HasPlainLines(first.Prompt) || !HasPlainLines(first.NegativePrompt))
                continue;

            string text = Infotext.Format(first);
            GenerationParameters second = InfotextParser.Parse(text);
            AssertSame(first, second, text);
            Assert.Equal(text, Infotext.Format(second));
            checkedTexts++;
        }

        Assert.InRange(checkedTexts, RandomTexts / 10, RandomTexts);
    }

    [Fact]
    public void Random_values_are_written_and_read_back()
    {
        Random random = new(6);
        for (int i = 0; i < RandomTexts; i++)
        {
            KeyValuePair<string, string>[] settings =
            [
                new("Steps", $"{random.Next(1, 150)}"),
                new("Sampler", RandomValue(random)),
                new("Size-1", $"{random.Next(8, 4096)}"),
                new("Size-2", $"{random.Next(8, 4096)}"),
                new("Model", RandomValue(random)),
                new($"Extra {random.Next()}/é-", RandomValue(random)),
                new("Hires prompt", RandomValue(random)),
                new("Version", RandomValue(random)),
            ];
            GenerationParameters written = new(RandomPrompt(random), RandomPrompt(random), settings);

            string text = Infotext.Format(written);
            AssertSame(written, InfotextParser.Parse(text), text);
        }
    }

    [Fact]
    public void Settings_are_written_in_A1111s_order()
    {
        GenerationParameters parameters = new("p", "n",
        [
            new("User", "me"), new("Mask blur", "4"), new("Size-2", "2"), new("Version", "v1.10.1"), new("Size-1", "1"), new("Eta", "0.5"), new("ENSD", "31337"),
            new("RNG", "CPU"), new("Seed resize from-1", "3"), new("Seed resize from-2", "4"), new("Model", "m: x"), new("Steps", "5"), new("a-1", "7"), new("a-2", "8"),
        ]);

        Assert.Equal(
            "p\nNegative prompt: n\nSteps: 5, Size: 1x2, Model: \"m: x\", Seed resize from: 3x4, ENSD: 31337, RNG: CPU, Mask blur: 4, Eta: 0.5, a-1: 7, a-2: 8, Version: v1.10.1, User: me",
            Infotext.Format(parameters));
    }

    // The pattern itself takes minutes on such a line.
    [Theory]
    [InlineData("a")]
    [InlineData("aa:\"")]
    [InlineData("aa:\"x,")]
    [InlineData("\\\"")]
    [InlineData(" ")]
    [InlineData("\n")]
    [InlineData("a: ")]
    public void Long_texts_are_taken_apart_in_linear_time(string piece)
    {
        string text = "p" + string.Concat(Enumerable.Repeat(piece, 400_000)) + "q";

        GenerationParameters parsed = InfotextParser.Parse(text);

        Assert.True(parsed.Prompt.Length > 0 || parsed.Settings.Count > 0);
    }

    private static void AssertSame(GenerationParameters expected, GenerationParameters actual, string text)
    {
        bool isSame = expected.Prompt == actual.Prompt && expected.NegativePrompt == actual.NegativePrompt
            && expected.Settings.Count == actual.Settings.Count && expected.Settings.All(setting => actual.Settings.TryGetValue(setting.Key, out string? value) && value == setting.Value);
        Assert.True(isSame, $"{JsonSerializer.Serialize(text)}\nexpected {Show(expected)}\nactual {Show(actual)}");
    }

    private static string Show(GenerationParameters parameters) => JsonSerializer.Serialize(parameters);

    private static bool HasPlainLines(string prompt) =>
        !prompt.StartsWith('\n') && prompt.Split('\n').All(line => PythonText.Strip(line).Length == line.Length);

    private static string RandomText(Random random) =>
        string.Concat(random.GetItems(s_pieces, random.Next(0, 14))) + (random.Next(3) > 0 ? "\nSteps: 20, Sampler: Euler a, CFG scale: 7" + string.Concat(random.GetItems(s_pieces, random.Next(0, 8))) : "");

    private static string RandomValue(Random random)
    {
        string value = string.Concat(random.GetItems(s_pieces, random.Next(0, 5)));
        return Regex.IsMatch(value, @"^\d+x\d+$") ? "x" : value;
    }

    // A prompt as A1111 keeps it: lines without white space around them, no first one empty.
    private static string RandomPrompt(Random random)
    {
        string text = string.Concat(random.GetItems(s_pieces, random.Next(0, 10))).Replace("Negative prompt:", "", StringComparison.Ordinal);
        return string.Join('\n', text.Split('\n').Select(line => PythonText.Strip(line).ToString())).TrimStart('\n');
    }

    // The method as A1111 has it, step by step; .NET's \w takes marks as well, so the texts have none.
    private static GenerationParameters ParseByPattern(string text)
    {
        string[] all = PythonText.Strip(text).ToString().Split('\n');
        MatchCollection matches = Regex.Matches(all[^1], """[\s\x1C-\x1F]*((?:[\w-[\p{M}\p{Pc}]]|[\p{Nl}\p{No}_])(?:[\w-[\p{M}\p{Pc}]]|[\p{Nl}\p{No}_ \-/])+):[\s\x1C-\x1F]*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)""");
        bool hasSettings = matches.Count >= 3;
        string prompt = "";
        string negativePrompt = "";
        bool isNegative = false;
        foreach (string untrimmed in hasSettings ? all[..^1] : all)
        {
            string line = PythonText.Strip(untrimmed).ToString();
            if (line.StartsWith("Negative prompt:", StringComparison.Ordinal))
            {
                isNegative = true;
                line = PythonText.Strip(line.AsSpan(16)).ToString();
            }

            if (isNegative)
                negativePrompt += (negativePrompt.Length == 0 ? "" : "\n") + line;
            else
                prompt += (prompt.Length == 0 ? "" : "\n") + line;
        }

        Dictionary<string, string> settings = new() { ["Prompt"] = prompt, ["Negative prompt"] = negativePrompt };
        foreach (Match match in hasSettings ? matches : Enumerable.Empty<Match>())
        {
            string value = match.Groups[2].Value;
            if (value.Length == 0)
                continue;

            if (value[0] == '"' && value[^1] == '"')
                value = InfotextParser.Unquote(value);
            if (Regex.Match(value, @"^(\d+)x(\d+)$") is { Success: true } size)
                (settings[$"{match.Groups[1].Value}-1"], settings[$"{match.Groups[1].Value}-2"]) = (size.Groups[1].Value, size.Groups[2].Value);
            else
                settings[match.Groups[1].Value] = value;
        }

        settings.Remove("Prompt", out string? lastPrompt);
        settings.Remove("Negative prompt", out string? lastNegativePrompt);
        return new GenerationParameters(lastPrompt!, lastNegativePrompt!, settings);
    }

    private static JsonElement[] Section(string name)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(Repository.Data("infotext.json"), Encoding.UTF8));
        return [.. document.RootElement.GetProperty(name).EnumerateArray().Select(item => item.Clone())];
    }
}
