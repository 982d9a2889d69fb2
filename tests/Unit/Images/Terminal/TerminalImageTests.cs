using StableDiffusion.Images;
using StableDiffusion.Images.Terminal;
using StableDiffusion.Metadata;

namespace StableDiffusion.Tests.Images.Terminal;

/// <summary>The texts of all protocols, read back by the decoders of <see cref="TerminalText"/>.</summary>
public sealed class TerminalImageTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1, 1)]
    [InlineData(23, 17)]
    [InlineData(40, 12)]
    [InlineData(300, 6)]
    [InlineData(5, 61)]
    public void Sixel_gives_back_the_pixels_of_an_image_with_few_colors(int width, int height)
    {
        DiffusionImage image = Make(width, height, random => (byte)Math.Round(random.Next(6) * 20 * 2.55));
        DiffusionImage read = TerminalText.ReadSixel(Sixel.Encode(image.Pixels, width, height) + "\n");
        Assert.Equal((width, height), (read.Width, read.Height));
        Assert.Equal(image.Pixels, read.Pixels);
    }

    [Fact]
    public void Sixel_gives_back_an_image_of_many_colors_nearly()
    {
        byte[] pixels = new byte[128 * 96 * 3];
        for (int i = 0; i < pixels.Length / 3; i++)
            (pixels[i * 3], pixels[(i * 3) + 1], pixels[(i * 3) + 2]) = ((byte)(i % 128 * 2), (byte)(i / 128 * 2), (byte)((i % 128) + (i / 128)));
        DiffusionImage read = TerminalText.ReadSixel(Sixel.Encode(pixels, 128, 96) + "\n");

        // The palette alone is off by 4 levels in the mean; dithering keeps the mean of an area.
        Assert.InRange(pixels.Zip(read.Pixels, static (a, b) => Math.Abs(a - b)).Average(), 0.1, 8);
        for (int y = 0; y < 96; y += 16)
        {
            for (int x = 0; x < 128; x += 16)
                Assert.InRange(Math.Abs(MeanOf(pixels, x, y) - MeanOf(read.Pixels, x, y)), 0, 2.5);
        }

        static double MeanOf(byte[] pixels, int left, int top) =>
            Enumerable.Range(0, 256).Average(i => pixels[((((top + (i / 16)) * 128) + left + (i % 16)) * 3) + 1]);
    }

    [Fact]
    public void Sixel_of_one_that_is_replaced_has_its_pixels_as_squares()
    {
        DiffusionImage image = Make(9, 6, static random => (byte)Math.Round(random.Next(6) * 20 * 2.55));
        DiffusionImage read = TerminalText.ReadSixel(TerminalImage.Encode(image, TerminalProtocol.Sixel, new TerminalArea(9, 3), number: 1, Cancellation));
        Assert.Equal((72, 48), (read.Width, read.Height));
        for (int i = 0; i < read.Pixels.Length; i++)
            Assert.Equal(image.Pixels[((((i / 3 / 72 / 8) * 9) + (i / 3 % 72 / 8)) * 3) + (i % 3)], read.Pixels[i]);
    }

    [Fact]
    public void Sixel_of_a_plain_image_is_short()
    {
        byte[] pixels = new byte[1000 * 600 * 3];
        string text = Sixel.Encode(pixels, 1000, 600);
        Assert.InRange(text.Length, 100, 2000);
        Assert.Equal(pixels, TerminalText.ReadSixel(text + "\n").Pixels);
    }

    [Theory]
    [InlineData(30, 20)]
    [InlineData(200, 150)]
    public void Kitty_gets_a_file_of_the_very_pixels(int width, int height)
    {
        DiffusionImage image = Make(width, height, static random => (byte)random.Next(256));
        string text = TerminalImage.Encode(image, TerminalProtocol.Kitty, new TerminalArea(40, 10), cancellationToken: Cancellation);
        (byte[] png, IReadOnlyDictionary<string, string> keys) = TerminalText.ReadKitty(text);
        Assert.Equal(image.Pixels, ReadFile(png).Pixels);
        Assert.Equal(("T", "100", "2", "40"), (keys["a"], keys["f"], keys["q"], keys["c"]));
        Assert.False(keys.ContainsKey("i"));
        Assert.EndsWith("\e\\\n", text, StringComparison.Ordinal);
        Assert.Equal("7", TerminalText.ReadKitty(TerminalImage.Encode(image, TerminalProtocol.Kitty, new TerminalArea(40, 10), 7, Cancellation)).Keys["i"]);
    }

    [Fact]
    public void ITerm2_gets_a_file_of_the_very_pixels()
    {
        DiffusionImage image = Make(50, 40, static random => (byte)random.Next(256));
        (byte[] png, IReadOnlyDictionary<string, string> keys) = TerminalText.ReadITerm2(TerminalImage.Encode(image, TerminalProtocol.ITerm2, new TerminalArea(25, 10), cancellationToken: Cancellation));
        Assert.Equal(image.Pixels, ReadFile(png).Pixels);
        Assert.Equal(("1", $"{png.Length}", "25", "10", "1"), (keys["inline"], keys["size"], keys["width"], keys["height"], keys["preserveAspectRatio"]));
    }

    [Theory]
    [InlineData(4, 6)]
    [InlineData(7, 5)]
    [InlineData(1, 1)]
    public void Half_blocks_are_two_rows_of_pixels_each(int width, int height)
    {
        DiffusionImage image = Make(width, height, static random => (byte)(random.Next(3) * 100));
        DiffusionImage read = TerminalText.ReadHalfBlocks(HalfBlocks.Encode(image.Pixels, width, height));
        Assert.Equal((width, height), (read.Width, read.Height));
        Assert.Equal(image.Pixels, read.Pixels);
    }

    [Theory]
    [InlineData(TerminalProtocol.HalfBlock, 32, 16)]
    [InlineData(TerminalProtocol.Sixel, 256, 128)]
    public void An_image_is_scaled_to_its_columns(TerminalProtocol protocol, int width, int height)
    {
        DiffusionImage image = Make(64, 32, static random => (byte)random.Next(256));
        string text = TerminalImage.Encode(image, protocol, TerminalArea.Of(64, 32, 32), cancellationToken: Cancellation);
        DiffusionImage read = protocol == TerminalProtocol.Sixel ? TerminalText.ReadSixel(text) : TerminalText.ReadHalfBlocks(text);
        Assert.Equal((width, height), (read.Width, read.Height));
    }

    [Fact]
    public void A_file_has_no_more_pixels_than_a_screen_shows()
    {
        DiffusionImage image = Make(1000, 500, static random => (byte)random.Next(256));
        DiffusionImage read = ReadFile(TerminalText.ReadITerm2(TerminalImage.Encode(image, TerminalProtocol.ITerm2, new TerminalArea(10, 3), cancellationToken: Cancellation)).File);
        Assert.Equal((160, 80), (read.Width, read.Height));
    }

    [Fact]
    public void Without_colors_lighter_pixels_have_fuller_characters()
    {
        // Two rows of pixels, a level of gray for each column, from black to white.
        byte[] pixels = [.. Enumerable.Range(0, 512).SelectMany(static i => Enumerable.Repeat((byte)(i % 256), 3))];
        string line = TerminalImage.Encode(new DiffusionImage(256, 2, pixels), TerminalProtocol.Ascii, new TerminalArea(256, 1), cancellationToken: Cancellation);

        Assert.Equal(" .:-=+*#%@\n", string.Concat(line.Distinct()));
        Assert.Equal(line, string.Concat(line[..^1].OrderBy(static letter => " .:-=+*#%@".IndexOf(letter, StringComparison.Ordinal))) + "\n");
        Assert.Equal([' ', '@'], [line[0], line[255]]);

        // An odd last row stands for itself; green is lighter than red, and red than blue.
        string colors = TerminalImage.Encode(new DiffusionImage(3, 3, [.. Enumerable.Repeat<byte[]>([255, 0, 0, 0, 255, 0, 0, 0, 255], 3).SelectMany(static row => row)]), TerminalProtocol.Ascii, new TerminalArea(3, 2), cancellationToken: Cancellation);
        Assert.Equal("-+.\n-+.\n", colors);
    }

    [Fact]
    public void Nothing_is_shown_by_no_protocol() =>
        Assert.Empty(TerminalImage.Encode(Make(2, 2, static _ => 0), TerminalProtocol.None, new TerminalArea(2, 1), cancellationToken: Cancellation));

    // Two rows of pixels are one of characters.
    [Theory]
    [InlineData(64, 64, 80, 40, 64, 32)]
    [InlineData(64, 64, 80, 22, 44, 22)]
    [InlineData(512, 512, 79, 60, 79, 40)]
    [InlineData(512, 256, 79, 60, 79, 20)]
    [InlineData(3, 2, 79, 60, 3, 1)]
    [InlineData(1, 5000, 79, 22, 1, 1000)]
    [InlineData(5000, 1, 79, 22, 79, 1)]
    public void An_image_fits_into_the_window(int width, int height, int columns, int rows, int expectedColumns, int expectedRows) =>
        Assert.Equal(new TerminalArea(expectedColumns, expectedRows), TerminalArea.Fit(width, height, new TerminalArea(columns, rows)));

    [Theory]
    [InlineData(64, 64, 10, 10, 5)]
    [InlineData(64, 64, 100, 100, 50)]
    [InlineData(1, 4000, 1000, 1, 1000)]
    [InlineData(100, 4000, 1000, 50, 1000)]
    public void A_width_is_kept_unless_the_image_would_be_too_long(int width, int height, int columns, int expectedColumns, int expectedRows) =>
        Assert.Equal(new TerminalArea(expectedColumns, expectedRows), TerminalArea.Of(width, height, columns));

    [Theory]
    [InlineData(TerminalProtocol.HalfBlock, "TERM=xterm-256color")]
    [InlineData(TerminalProtocol.HalfBlock)]
    [InlineData(TerminalProtocol.Kitty, "KITTY_WINDOW_ID=1", "TERM=xterm-256color")]
    [InlineData(TerminalProtocol.Kitty, "TERM=xterm-kitty")]
    [InlineData(TerminalProtocol.Kitty, "TERM=xterm-ghostty", "TERM_PROGRAM=ghostty")]
    [InlineData(TerminalProtocol.ITerm2, "TERM_PROGRAM=iTerm.app", "COLORTERM=truecolor")]
    [InlineData(TerminalProtocol.ITerm2, "TERM_PROGRAM=WezTerm")]
    [InlineData(TerminalProtocol.ITerm2, "LC_TERMINAL=iTerm2", "TERM=xterm-256color")]
    [InlineData(TerminalProtocol.Sixel, "WT_SESSION=5e4e6b8e")]
    [InlineData(TerminalProtocol.Sixel, "KONSOLE_VERSION=240801")]
    [InlineData(TerminalProtocol.HalfBlock, "KONSOLE_VERSION=211201")]
    [InlineData(TerminalProtocol.Sixel, "TERM=foot")]
    [InlineData(TerminalProtocol.Sixel, "TERM=foot-extra")]
    [InlineData(TerminalProtocol.Sixel, "TERM=xterm-sixel")]
    [InlineData(TerminalProtocol.Sixel, "TERM_PROGRAM=mintty")]
    [InlineData(TerminalProtocol.Ascii, "TERM=dumb")]
    [InlineData(TerminalProtocol.Ascii, "TERM=dumb", "KITTY_WINDOW_ID=1", "TERM_PROGRAM=iTerm.app")]
    [InlineData(TerminalProtocol.Ascii, "TERM=xterm-256color", "NO_COLOR=1")]
    [InlineData(TerminalProtocol.Ascii, "TMUX=x", "NO_COLOR=1", "TERM=tmux-256color")]
    [InlineData(TerminalProtocol.HalfBlock, "TERM=xterm-256color", "NO_COLOR=")]
    [InlineData(TerminalProtocol.HalfBlock, "STABLEDIFFUSION_TERMINAL=HalfBlock", "TERM=dumb", "NO_COLOR=1")]
    [InlineData(TerminalProtocol.Kitty, "TERM=xterm-kitty", "NO_COLOR=1")]
    [InlineData(TerminalProtocol.Sixel, "TERM=foot", "NO_COLOR=1")]
    [InlineData(TerminalProtocol.HalfBlock, "TMUX=/tmp/tmux-0/default,1,0", "KITTY_WINDOW_ID=1", "TERM=tmux-256color")]
    [InlineData(TerminalProtocol.HalfBlock, "STY=1.pts", "WT_SESSION=1")]
    [InlineData(TerminalProtocol.HalfBlock, "TERM=screen-256color", "TERM_PROGRAM=iTerm.app")]
    [InlineData(TerminalProtocol.Sixel, "STABLEDIFFUSION_TERMINAL=sixel", "KITTY_WINDOW_ID=1", "TMUX=x")]
    [InlineData(TerminalProtocol.None, "STABLEDIFFUSION_TERMINAL=None", "TERM=xterm-kitty")]
    [InlineData(TerminalProtocol.Kitty, "STABLEDIFFUSION_TERMINAL=Auto", "TERM=xterm-kitty")]
    public void A_terminal_says_what_it_shows(TerminalProtocol expected, params string[] environment)
    {
        Dictionary<string, string> variables = environment.ToDictionary(static line => line.Split('=')[0], static line => line.Split('=')[1]);
        Assert.Equal(expected, TerminalEnvironment.Find(variables.GetValueOrDefault));
    }

    [Theory]
    [InlineData(TerminalProtocol.Ascii, "xterm-256color")]
    [InlineData(TerminalProtocol.Kitty, "xterm-kitty")]
    public void A_terminal_that_loses_colors_has_none_of_half_blocks(TerminalProtocol expected, string term) =>
        Assert.Equal(expected, TerminalEnvironment.Find(name => name == "TERM" ? term : null, showsColors: false));

    [Fact]
    public void A_variable_that_names_no_protocol_is_an_error() =>
        Assert.Equal(TerminalEnvironment.Variable, Assert.Throws<InvalidSettingException>(() => TerminalEnvironment.Find(static _ => "Crayon")).Setting);

    private static DiffusionImage Make(int width, int height, Func<Random, byte> level)
    {
        Random random = new((width * 31) + height);
        return new DiffusionImage(width, height, [.. Enumerable.Range(0, width * height * 3).Select(_ => level(random))]);
    }

    private static DiffusionImage ReadFile(byte[] png)
    {
        using TemporaryFolder folder = new();
        File.WriteAllBytes(folder["image.png"], png);
        return ImageFile.Read(folder["image.png"]);
    }
}
