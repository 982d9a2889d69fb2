using System.Text;
using StableDiffusion.Storage;

namespace StableDiffusion.Tests.Storage;

public sealed class FileNamesTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("names-").FullName;

    public static TheoryData<string> Prompts() =>
    [
        "", "   ", "...", "-rf", ".hidden", "CON", "nul", "COM1", "LPT9.txt", "COM¹", "aux.", "a/b\\c", "..\\..\\x", "../../etc/passwd",
        "<>:\"|?*", "a\0b\u0001c\u007f", "line\nbreak\ttab", "trailing. ", "trailing...   ", "~", "$HOME `id` %PATH%", "🦓🧑‍🚀", "a\u202Egnp.exe",
        "e\u0301\u0301\u0301", "\u0301 lonely mark", "İstanbul", "日本語のプロンプト", "नमस्ते दुनिया", "שלום עולם", "\ufeffbom", "a\u200bb", "𐐀𠀀 letters",
        new string('a', 5000), string.Concat(Enumerable.Repeat("漢", 5000)), string.Concat(Enumerable.Repeat("🦓", 5000)),
        "a" + string.Concat(Enumerable.Repeat("\u0301", 5000)), string.Concat(Enumerable.Repeat("नि", 500)), string.Concat(Enumerable.Repeat("𐐀", 500)),
        "\ud800 alone \udc00",
    ];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("a red house on the grass", 42, ".png", "a-red-house-on-the-grass-42.png")]
    [InlineData("  A (red:1.2) House!! ", 0, "webp", "a-red-1-2-house-0.webp")]
    [InlineData("CON", 7, ".png", "con-7.png")]
    [InlineData("...", 7, ".png", "image-7.png")]
    [InlineData(null, 7, ".png", "image-7.png")]
    [InlineData("-.x", 7, ".png", "x-7.png")]
    [InlineData("Größe: 漢字, cafe\u0301", 1, ".jpg", "größe-漢字-café-1.jpg")]
    [InlineData("a", long.MaxValue, ".png", "a-9223372036854775807.png")]
    public void A_prompt_makes_a_name_to_read(string? prompt, long seed, string extension, string name)
    {
        Assert.Equal(name, FileNames.FromPrompt(prompt, seed, extension));
    }

    [Theory]
    [MemberData(nameof(Prompts))]
    public void A_name_is_safe_whatever_the_prompt(string prompt)
    {
        string name = FileNames.FromPrompt(prompt, 42, ".png");

        Assert.InRange(Encoding.UTF8.GetByteCount(name), "x-42.png".Length, 120);
        Assert.EndsWith("-42.png", name, StringComparison.Ordinal);
        Assert.True(Rune.IsLetterOrDigit(name.EnumerateRunes().First()));
        Assert.Equal(1, name.Count(character => character == '.'));
        Assert.True(name.IsNormalized());
        Assert.DoesNotContain("--", name, StringComparison.Ordinal);
        Assert.All(name, character => Assert.False(char.IsControl(character) || char.IsWhiteSpace(character) || "<>:\"/\\|?*\ufffd".Contains(character, StringComparison.Ordinal)));

        File.WriteAllText(Path.Combine(_folder, name), "");
        Assert.Equal([name], Directory.GetFiles(_folder).Select(path => Path.GetFileName(path).Normalize()));
    }

    [Fact]
    public void A_name_is_cut_between_characters()
    {
        string name = FileNames.FromPrompt(string.Concat(Enumerable.Repeat("e\u0323\u0302\u0327", 500)), 42, ".png");
        string word = name[..^"-42.png".Length];
        string element = "e\u0323\u0302\u0327".Normalize();

        Assert.Equal(string.Concat(Enumerable.Repeat(element, word.Length / element.Length)), word);
    }

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData(".p/ng")]
    [InlineData(".tar.gz")]
    [InlineData(".png ")]
    [InlineData("averylongextension")]
    public void An_extension_of_anything_but_letters_is_refused(string extension)
    {
        Assert.Throws<InvalidSettingException>(() => FileNames.FromPrompt("a", 1, extension));
    }

    [Fact]
    public void A_taken_name_gets_a_number()
    {
        Assert.Equal("a.png", FileNames.Unique(_folder, "a.png"));

        File.WriteAllText(Path.Combine(_folder, "a.png"), "");
        Assert.Equal("a-2.png", FileNames.Unique(_folder, "a.png"));

        Directory.CreateDirectory(Path.Combine(_folder, "a-2.png"));
        Assert.Equal("a-3.png", FileNames.Unique(_folder, "a.png"));
        Assert.Equal("b.png", FileNames.Unique(Path.Combine(_folder, "none"), "b.png"));
    }

    [Fact]
    public void A_name_with_a_folder_is_no_name()
    {
        Assert.Throws<ArgumentException>(() => FileNames.Unique(_folder, "x/a.png"));
    }
}
