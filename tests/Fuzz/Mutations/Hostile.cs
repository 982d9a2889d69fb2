namespace StableDiffusion.Fuzz.Mutations;

/// <summary>Numbers and texts that readers get wrong.</summary>
internal static class Hostile
{
    private const int LongText = 1 << 20;

    /// <summary>Whole numbers at the borders of types, and beyond what a file can hold.</summary>
    public static IReadOnlyList<long> Numbers { get; } =
    [
        0, 1, -1, 2, 3, 7, 8, 16, 64, 127, 128, 255, 256, 1000, 4096, 32767, 32768, 65535, 65536, 1 << 20, 1 << 24, 1 << 30,
        int.MaxValue, int.MinValue, uint.MaxValue, 1L << 32, 1L << 40, 1L << 62, long.MaxValue, long.MinValue,
    ];

    /// <summary>Texts that end, begin or leave something in one of the formats, or show in a terminal.</summary>
    public static IReadOnlyList<string> Texts { get; } =
    [
        "", " ", "\0", "\n", "\r\n", "\t", "\\", "\"", "'", ",", ":", "..", "/", "../../etc/passwd", "/etc/passwd", "C:\\Windows", "\\\\host\\share", "CON",
        "\u001b[2J\u001b[31m", "\u0007", "\u202e", "\u2028", "\ufeff", "\ufffd", "\U0001f600", "e\u0301", "null", "NaN", "-Infinity", "1e999", "1e-999", "-0", "0x10",
        "99999999999999999999", "%s%n", "{0}", "${x}", "<a>", "<lora:a:1>", "<lora:/etc/passwd:1>", "embedding:a", "__proto__",
    ];

    /// <summary>JSON values of every kind, of which some are not JSON.</summary>
    public static string Json(Random random) => random.Next(14) switch
    {
        0 => "null",
        1 => random.Next(2) == 0 ? "true" : "false",
        2 => Numbers[random.Next(Numbers.Count)].ToString(System.Globalization.CultureInfo.InvariantCulture),
        3 => s_oddNumbers[random.Next(s_oddNumbers.Length)],
        4 => System.Text.Json.JsonSerializer.Serialize(Texts[random.Next(Texts.Count)]),
        5 => "\"\\ud800\"",
        6 => "\"a\\udc00\\ud800\\u0000\\u001b[2J\"",
        7 => "[]",
        8 => "{}",
        9 => $"[{string.Join(',', Enumerable.Range(0, random.Next(1, 6)).Select(_ => Numbers[random.Next(Numbers.Count)]))}]",
        10 => $"[{string.Join(',', Enumerable.Range(0, random.Next(1, 4)).Select(_ => Json(random)))}]",
        11 => $"{{\"a\":{Json(random)},\"a\":{Json(random)}}}",
        12 => Nested(random.Next(8) == 0 ? 10_000 : random.Next(1, 100), random),
        _ => random.Next(16) == 0 ? $"\"{new string('x', LongText)}\"" : $"\"{new string('y', random.Next(300))}\"",
    };

    private static readonly string[] s_oddNumbers =
        ["1e999", "-1e999", "1e-999", "NaN", "Infinity", "-Infinity", "0.5", "-0.0", "1.0", "3.0000001", "1e2", "4e0", "18446744073709551616", "1E+400", "00", "1.5e308", "1e38", "1e39"];

    private static string Nested(int depth, Random random) => random.Next(2) == 0
        ? new string('[', depth) + new string(']', depth)
        : string.Concat(Enumerable.Repeat("{\"a\":", depth)) + "1" + new string('}', depth);
}
