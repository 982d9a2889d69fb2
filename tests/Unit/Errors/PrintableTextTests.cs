namespace StableDiffusion.Tests.Errors;

public sealed class PrintableTextTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData("détaillé 日本 😀 e\u0301", "détaillé 日本 😀 e\u0301")]
    [InlineData("a\u001b[2Jb\0c\u007f\u009b", "a?[2Jb?c??")]
    [InlineData("a\nb\r\nc\td\u2028e", "a b  c d e")]
    [InlineData("\u202egnp.exe\u2069", "?gnp.exe?")]
    [InlineData("\ufeffa\u200bb\u200e\u200f\u061c\u00adc", "?a?b????c")]
    [InlineData("a\U000e0041\U000e007fb", "a????b")]
    [InlineData("a\u200db \u200d😀\u200d", "a?b ?😀?")]
    [InlineData("👩\u200d🚀 ❤\ufe0f\u200d🔥 می\u200cخواهم क्\u200dष", "👩\u200d🚀 ❤\ufe0f\u200d🔥 می\u200cخواهم क्\u200dष")]
    public void What_a_terminal_would_interpret_is_replaced(string text, string expected) => Assert.Equal(expected, PrintableText.Of(text));

    [Fact]
    public void Half_a_surrogate_pair_is_replaced() => Assert.Equal("? a??b ?", PrintableText.Of("\ud83d a\ude00\ud83db \ude00"));

    [Fact]
    public void The_middle_of_a_long_text_is_left_out()
    {
        string text = PrintableText.Of($"The file '{new string('x', 1 << 20)}' is damaged. Copy it again.");

        Assert.Equal(PrintableText.MaxLength, text.Length);
        Assert.StartsWith("The file 'xxx", text, StringComparison.Ordinal);
        Assert.EndsWith("x' is damaged. Copy it again.", text, StringComparison.Ordinal);
        Assert.Contains("x [...] x", text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_pair_that_the_gap_would_split_leaves_no_half_behind() =>
        Assert.DoesNotContain(PrintableText.Of(string.Concat(Enumerable.Repeat("😀", 2000)), 101), char.IsControl);

    [Fact]
    public void Every_error_is_one_printable_line()
    {
        ModelInvalidException error = new($"'a\u001b[31m\n{new string('b', 5000)}' is damaged.") { Subject = "row\u0007 1" };

        Assert.StartsWith("row? 1: 'a?[31m b", error.Message, StringComparison.Ordinal);
        Assert.Equal(PrintableText.MaxLength, error.Message.Length);
    }
}
