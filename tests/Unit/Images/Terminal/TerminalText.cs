using System.Globalization;
using System.Text.RegularExpressions;
using StableDiffusion.Images;

namespace StableDiffusion.Tests.Images.Terminal;

/// <summary>Reads images from the texts of terminals, by what their documentation says and without the code that writes them.</summary>
internal static partial class TerminalText
{
    /// <summary>Reads the only SIXEL image of a text. A pixel that is not drawn fails the test.</summary>
    public static DiffusionImage ReadSixel(string text)
    {
        Match image = SixelImage().Match(text);
        Assert.True(image.Success);
        int width = Number(image.Groups["width"]), height = Number(image.Groups["height"]), color = -1, x = 0, top = 0;
        byte[] pixels = new byte[width * height * 3];
        bool[] isDrawn = new bool[width * height];
        Dictionary<int, byte[]> colors = [];
        string data = image.Groups["data"].Value;
        for (int i = 0; i < data.Length; i++)
        {
            switch (data[i])
            {
                case '#':
                    int[] numbers = Numbers(data, ref i);
                    color = numbers[0];
                    if (numbers.Length > 1)
                    {
                        Assert.Equal((5, 2), (numbers.Length, numbers[1]));
                        Assert.All(numbers[2..], level => Assert.InRange(level, 0, 100));
                        colors.Add(color, [.. numbers[2..].Select(level => (byte)Math.Round(level * 2.55))]);
                    }

                    break;
                case '!':
                    int count = Assert.Single(Numbers(data, ref i));
                    Draw(data[++i], count);
                    break;
                case '$':
                    x = 0;
                    break;
                case '-':
                    (x, top) = (0, top + 6);
                    break;
                default:
                    Draw(data[i], 1);
                    break;
            }
        }

        Assert.DoesNotContain(false, isDrawn);
        Assert.InRange(colors.Count, 1, 256);
        return new DiffusionImage(width, height, pixels);

        void Draw(char sixel, int count)
        {
            Assert.InRange(sixel, '?', '~');
            for (; count > 0; count--, x++)
            {
                for (int bit = 0; bit < 6; bit++)
                {
                    if (((sixel - '?') & (1 << bit)) == 0)
                        continue;
                    int at = ((top + bit) * width) + x;
                    Assert.True(x < width && top + bit < height);
                    colors[color].CopyTo(pixels, at * 3);
                    isDrawn[at] = true;
                }
            }
        }
    }

    /// <summary>Reads the only image of a text in the protocol of kitty.</summary>
    public static (byte[] Png, IReadOnlyDictionary<string, string> Keys) ReadKitty(string text)
    {
        MatchCollection pieces = KittyPiece().Matches(text);
        Assert.NotEmpty(pieces);
        Dictionary<string, string>[] keys = [.. pieces.Select(piece => piece.Groups["keys"].Value.Split(',').Select(pair => pair.Split('=')).ToDictionary(pair => pair[0], pair => pair[1]))];
        Assert.All(pieces, piece => Assert.InRange(piece.Groups["data"].Length, 1, 4096));
        Assert.All(pieces.SkipLast(1), piece => Assert.Equal(0, piece.Groups["data"].Length % 4));
        Assert.All(keys[..^1], key => Assert.Equal("1", key["m"]));
        Assert.All(keys[1..], key => Assert.Equal(["m"], key.Keys));
        Assert.Equal("0", keys[^1]["m"]);
        return (Convert.FromBase64String(string.Concat(pieces.Select(piece => piece.Groups["data"].Value))), keys[0]);
    }

    /// <summary>Reads the only image of a text in the protocol of iTerm2.</summary>
    public static (byte[] File, IReadOnlyDictionary<string, string> Keys) ReadITerm2(string text)
    {
        Match image = Assert.Single(ITerm2File().Matches(text));
        return (Convert.FromBase64String(image.Groups["data"].Value), image.Groups["keys"].Value.Split(';').Select(pair => pair.Split('=')).ToDictionary(pair => pair[0], pair => pair[1]));
    }

    /// <summary>Reads half blocks: two rows of pixels for each line; of the last line one where it has no background.</summary>
    public static DiffusionImage ReadHalfBlocks(string text)
    {
        Assert.EndsWith("\e[0m\n", text, StringComparison.Ordinal);
        string[] lines = text[..^1].Split('\n');
        List<byte[]> rows = [];
        foreach (string line in lines)
        {
            Assert.EndsWith("\e[0m", line, StringComparison.Ordinal);
            List<byte> upper = [], lower = [];
            byte[]? front = null, back = null;
            string rest = line[..^4];
            while (rest.Length > 0)
            {
                if (rest[0] == '\u2580')
                {
                    upper.AddRange(front!);
                    lower.AddRange(back ?? []);
                    rest = rest[1..];
                    continue;
                }

                Match color = DirectColor().Match(rest);
                Assert.True(color.Success, rest);
                byte[] levels = [.. color.Groups["level"].Captures.Select(level => byte.Parse(level.Value, CultureInfo.InvariantCulture))];
                (front, back) = color.Groups["place"].Value == "38" ? (levels, back) : (front, levels);
                rest = rest[color.Length..];
            }

            rows.Add([.. upper]);
            if (lower.Count > 0)
                rows.Add([.. lower]);
        }

        Assert.All(rows, row => Assert.Equal(rows[0].Length, row.Length));
        return new DiffusionImage(rows[0].Length / 3, rows.Count, [.. rows.SelectMany(row => row)]);
    }

    private static int Number(Group group) => int.Parse(group.Value, CultureInfo.InvariantCulture);

    private static int[] Numbers(string data, ref int index)
    {
        int start = index + 1;
        while (index + 1 < data.Length && (char.IsAsciiDigit(data[index + 1]) || data[index + 1] == ';'))
            index++;
        return [.. data[start..(index + 1)].Split(';').Select(static number => int.Parse(number, CultureInfo.InvariantCulture))];
    }

    [GeneratedRegex("\\A\eP0;1;0q\"1;1;(?<width>[0-9]+);(?<height>[0-9]+)(?<data>[^\e]+)\e\\\\\n\\z")]
    private static partial Regex SixelImage();

    [GeneratedRegex("\e_G(?<keys>[^;]*);(?<data>[^\e]*)\e\\\\")]
    private static partial Regex KittyPiece();

    [GeneratedRegex("\e\\]1337;File=(?<keys>[^:]*):(?<data>[^\a]*)\a")]
    private static partial Regex ITerm2File();

    [GeneratedRegex("\\A\e\\[(?<place>38|48);2(;(?<level>[0-9]+)){3}m")]
    private static partial Regex DirectColor();
}
