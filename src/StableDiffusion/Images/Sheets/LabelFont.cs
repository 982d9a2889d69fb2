using System.Globalization;
using System.Text;

namespace StableDiffusion.Images.Sheets;

/// <summary>
/// The letters of labels: drawn for this module on a grid with capitals of 5x7 cells and 2 rows below the line, so that
/// a sheet needs no font of the computer and has the same pixels everywhere. They are those of ASCII; accents are left out.
/// </summary>
internal static class LabelFont
{
    /// <summary>The rows of a letter's grid.</summary>
    public const int Rows = 9;

    /// <summary>The columns of a space.</summary>
    private const int SpaceWidth = 3;

    // What has no letter.
    private const char Unknown = '\0';

    // A line for each letter: its rows from the top, a digit for each cell. Rows that are not there are empty.
    private const string Grids = """
        ! 1 1 1 1 1 0 1
        " 101 101 101
        # 01010 01010 11111 01010 11111 01010 01010
        $ 00100 01111 10100 01110 00101 11110 00100
        % 11001 11001 00010 00100 01000 10011 10011
        & 01100 10010 10100 01000 10101 10010 01101
        ' 1 1 1
        ( 01 10 10 10 10 10 01
        ) 10 01 01 01 01 01 10
        * 00000 00100 10101 01110 10101 00100
        + 00000 00100 00100 11111 00100 00100
        , 00 00 00 00 00 01 01 10
        - 0000 0000 0000 1111
        . 0 0 0 0 0 0 1
        / 00001 00001 00010 00100 01000 10000 10000
        0 01110 10001 10001 10101 10001 10001 01110
        1 010 110 010 010 010 010 111
        2 01110 10001 00001 00010 00100 01000 11111
        3 11110 00001 00001 01110 00001 00001 11110
        4 00010 00110 01010 10010 11111 00010 00010
        5 11111 10000 11110 00001 00001 10001 01110
        6 00110 01000 10000 11110 10001 10001 01110
        7 11111 00001 00010 00010 00100 00100 00100
        8 01110 10001 10001 01110 10001 10001 01110
        9 01110 10001 10001 01111 00001 00010 01100
        : 0 0 1 0 0 0 1
        ; 00 00 01 00 00 01 01 10
        < 0001 0010 0100 1000 0100 0010 0001
        = 0000 0000 1111 0000 1111
        > 1000 0100 0010 0001 0010 0100 1000
        ? 01110 10001 00001 00010 00100 00000 00100
        @ 01110 10001 10111 10101 10110 10000 01110
        A 00100 01010 10001 10001 11111 10001 10001
        B 11110 10001 10001 11110 10001 10001 11110
        C 01110 10001 10000 10000 10000 10001 01110
        D 11100 10010 10001 10001 10001 10010 11100
        E 11111 10000 10000 11110 10000 10000 11111
        F 11111 10000 10000 11110 10000 10000 10000
        G 01110 10001 10000 10011 10001 10001 01110
        H 10001 10001 10001 11111 10001 10001 10001
        I 111 010 010 010 010 010 111
        J 00111 00010 00010 00010 00010 10010 01100
        K 10001 10010 10100 11000 10100 10010 10001
        L 10000 10000 10000 10000 10000 10000 11111
        M 10001 11011 10101 10101 10001 10001 10001
        N 10001 11001 11001 10101 10011 10011 10001
        O 01110 10001 10001 10001 10001 10001 01110
        P 11110 10001 10001 11110 10000 10000 10000
        Q 01110 10001 10001 10001 10101 10010 01101
        R 11110 10001 10001 11110 10100 10010 10001
        S 01111 10000 10000 01110 00001 00001 11110
        T 11111 00100 00100 00100 00100 00100 00100
        U 10001 10001 10001 10001 10001 10001 01110
        V 10001 10001 10001 01010 01010 00100 00100
        W 10001 10001 10001 10101 10101 11011 10001
        X 10001 10001 01010 00100 01010 10001 10001
        Y 10001 10001 01010 00100 00100 00100 00100
        Z 11111 00001 00010 00100 01000 10000 11111
        [ 111 100 100 100 100 100 111
        \ 10000 10000 01000 00100 00010 00001 00001
        ] 111 001 001 001 001 001 111
        ^ 00100 01010 10001
        _ 00000 00000 00000 00000 00000 00000 00000 11111
        ` 10 01
        a 0000 0000 0110 0001 0111 1001 0111
        b 1000 1000 1110 1001 1001 1001 1110
        c 0000 0000 0111 1000 1000 1000 0111
        d 0001 0001 0111 1001 1001 1001 0111
        e 0000 0000 0110 1001 1111 1000 0111
        f 011 100 100 110 100 100 100
        g 0000 0000 0111 1001 1001 1001 0111 0001 0110
        h 1000 1000 1110 1001 1001 1001 1001
        i 1 0 1 1 1 1 1
        j 01 00 01 01 01 01 01 01 10
        k 1000 1000 1001 1010 1100 1010 1001
        l 10 10 10 10 10 10 01
        m 00000 00000 11110 10101 10101 10101 10101
        n 0000 0000 1110 1001 1001 1001 1001
        o 0000 0000 0110 1001 1001 1001 0110
        p 0000 0000 1110 1001 1001 1001 1110 1000 1000
        q 0000 0000 0111 1001 1001 1001 0111 0001 0001
        r 000 000 101 110 100 100 100
        s 0000 0000 0111 1000 0110 0001 1110
        t 010 010 111 010 010 010 001
        u 0000 0000 1001 1001 1001 1001 0111
        v 00000 00000 10001 10001 01010 01010 00100
        w 00000 00000 10101 10101 10101 10101 01010
        x 0000 0000 1001 1001 0110 1001 1001
        y 0000 0000 1001 1001 1001 1001 0111 0001 0110
        z 0000 0000 1111 0001 0110 1000 1111
        { 011 010 010 100 010 010 011
        | 1 1 1 1 1 1 1 1
        } 110 010 010 001 010 010 110
        ~ 00000 00000 01001 10101 10010
        """;

    // Signs of the world's keyboards that look like those of ASCII.
    private const string Typographic = "\u2018'\u2019'\u201c\"\u201d\"\u2013-\u2014-\u2212-\u00d7x\u00a0 \u2044/";

    private static readonly Dictionary<char, bool[][]> s_letters = Read();

    /// <summary>The text in the letters that there are: without accents, and with signs that look alike.</summary>
    /// <param name="text">The text.</param>
    /// <returns>The text, of which a letter that is not there is a box.</returns>
    public static string Prepare(string text)
    {
        StringBuilder prepared = new();
        foreach (Rune rune in text.Normalize(NormalizationForm.FormD).EnumerateRunes())
        {
            if (Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark or UnicodeCategory.Format)
                continue;
            char letter = rune.IsBmp ? (char)rune.Value : Unknown;
            int alike = Typographic.IndexOf(letter, StringComparison.Ordinal);
            if (letter == '\u2026')
                prepared.Append("...");
            else if (alike >= 0 && alike % 2 == 0)
                prepared.Append(Typographic[alike + 1]);
            else
                prepared.Append(char.IsWhiteSpace(letter) ? ' ' : s_letters.ContainsKey(letter) ? letter : Unknown);
        }

        return prepared.ToString();
    }

    /// <summary>The cells of a letter, by rows.</summary>
    /// <param name="letter">A letter of a text that is prepared.</param>
    public static bool[][] Cells(char letter) => s_letters[letter];

    /// <summary>The number of columns of a text, with one between two letters.</summary>
    /// <param name="text">The text, which is prepared.</param>
    public static int Width(ReadOnlySpan<char> text)
    {
        int width = 0;
        foreach (char letter in text)
            width += s_letters[letter][0].Length + 1;
        return Math.Max(width - 1, 0);
    }

    private static Dictionary<char, bool[][]> Read()
    {
        Dictionary<char, bool[][]> letters = new()
        {
            [' '] = Filled([], SpaceWidth),
            [Unknown] = Filled(["1111", "1001", "1001", "1001", "1001", "1001", "1111"], 4),
        };
        foreach (string line in Grids.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] rows = line[2..].TrimEnd().Split(' ');
            letters.Add(line[0], Filled(rows, rows[0].Length));
        }

        return letters;
    }

    private static bool[][] Filled(string[] rows, int width) =>
        [.. Enumerable.Range(0, Rows).Select(row => row < rows.Length ? [.. rows[row].Select(static cell => cell == '1')] : new bool[width])];
}
