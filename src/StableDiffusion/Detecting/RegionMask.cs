using System.Globalization;
using StableDiffusion.Images;
using StableDiffusion.Images.Masks;
using StableDiffusion.Settings;

namespace StableDiffusion.Detecting;

/// <summary>
/// Masks of regions. The record of one holds all of it: how many pixels there are of each color in turn, so that it is made again
/// without the detector.
/// </summary>
internal static class RegionMask
{
    /// <summary>The setting of the stage with the lengths of the runs, from the top left, black first.</summary>
    public const string RunsSetting = "Runs";

    // An outline has two runs for each row it is in; a record that is much longer than that of an outline is none.
    private const int MostRuns = 100_000;

    /// <summary>The mask of a box, or of an outline in it.</summary>
    /// <param name="imageWidth">The width of the image.</param>
    /// <param name="imageHeight">The height of the image.</param>
    /// <param name="x">The first column.</param>
    /// <param name="y">The first row.</param>
    /// <param name="width">The width of the box.</param>
    /// <param name="height">The height of the box.</param>
    /// <param name="inside">The runs of white pixels in the box, row by row; null if all are white.</param>
    public static MaskImage OfBox(int imageWidth, int imageHeight, int x, int y, int width, int height, IReadOnlyList<(int Place, int Length)>? inside = null)
    {
        byte[] pixels = new byte[imageWidth * imageHeight];
        foreach ((int place, int length) in inside ?? [(0, width * height)])
        {
            for (int next = place, left = length; left > 0;)
            {
                int column = next % width, count = Math.Min(left, width - column);
                pixels.AsSpan(((y + (next / width)) * imageWidth) + x + column, count).Fill(byte.MaxValue);
                (next, left) = (next + count, left - count);
            }
        }

        return Make(imageWidth, imageHeight, pixels);
    }

    /// <summary>The box that a recorded mask is white in, and nowhere else.</summary>
    /// <param name="stage">The stage of the mask.</param>
    /// <returns>The box; null if the mask is none.</returns>
    /// <exception cref="NotRepeatableException">The stage does not describe a mask.</exception>
    public static MaskRegion? BoxOf(GenerationStage stage)
    {
        (int width, _, IReadOnlyList<(int Place, int Length)> runs) = Read(stage);
        long count = 0;
        (int left, int top, int right, int bottom) = (width, int.MaxValue, -1, -1);
        foreach ((int place, int length) in runs)
        {
            int row = place / width, lastRow = (place + length - 1) / width;
            (top, bottom) = (Math.Min(top, row), lastRow);
            left = Math.Min(left, row == lastRow ? place % width : 0);
            right = Math.Max(right, row == lastRow ? (place + length - 1) % width : width - 1);
            count += length;
        }

        return count > 0 && count == (long)(right - left + 1) * (bottom - top + 1) ? new MaskRegion(left, top, right + 1, bottom + 1) : null;
    }

    /// <summary>A mask whose record holds its pixels.</summary>
    /// <param name="width">The width in pixels.</param>
    /// <param name="height">The height in pixels.</param>
    /// <param name="pixels">The pixels, each 0 or 255.</param>
    /// <returns>The mask. One of an outline too ragged to be recorded cannot be repeated.</returns>
    public static MaskImage Make(int width, int height, byte[] pixels)
    {
        string output = StageList.Hash<byte>(pixels);
        int[] runs = [.. Runs(pixels).Take(MostRuns + 1)];
        return new MaskImage(width, height, pixels)
        {
            Stages = runs.Length > MostRuns
                ? StageList.Unknown(output)
                : new StageList().Append(StageOperation.RegionMask, output, ("Width", (long)width), ("Height", (long)height), (RunsSetting, string.Join(' ', runs))),
        };
    }

    /// <summary>Makes a mask again.</summary>
    /// <param name="stage">Its stage.</param>
    /// <exception cref="NotRepeatableException">The stage does not describe a mask.</exception>
    public static MaskImage From(GenerationStage stage)
    {
        (int width, int height, IReadOnlyList<(int Place, int Length)> runs) = Read(stage);
        byte[] pixels = new byte[width * height];
        foreach ((int place, int length) in runs)
            pixels.AsSpan(place, length).Fill(byte.MaxValue);
        return Make(width, height, pixels);
    }

    /// <summary>The runs of white pixels, as short as their record.</summary>
    /// <param name="pixels">The pixels, each 0 or 255.</param>
    /// <returns>The first pixel and the number of each run; null if there are too many to be recorded.</returns>
    internal static (int Place, int Length)[]? WhiteRuns(byte[] pixels)
    {
        List<(int Place, int Length)> white = [];
        int place = 0, count = 0;
        foreach (int run in Runs(pixels))
        {
            if (++count > MostRuns)
                return null;
            if (count % 2 == 0)
                white.Add((place, run));
            place += run;
        }

        return [.. white];
    }

    private static (int Width, int Height, IReadOnlyList<(int Place, int Length)> White) Read(GenerationStage stage)
    {
        long width = stage.Number<int>("Width") ?? 0, height = stage.Number<int>("Height") ?? 0;
        if (width < 1 || height < 1 || width * height > ImageLibrary.MaxPixels || stage.Text(RunsSetting) is not string runs)
            throw Damaged();

        List<(int Place, int Length)> white = [];
        int place = 0, count = 0, pixels = (int)(width * height);
        foreach (Range part in runs.AsSpan().Split(' '))
        {
            if (++count > MostRuns || !int.TryParse(runs.AsSpan(part), NumberStyles.None, CultureInfo.InvariantCulture, out int run) || run > pixels - place)
                throw Damaged();
            if (count % 2 == 0 && run > 0)
                white.Add((place, run));
            place += run;
        }

        return place == pixels ? ((int)width, (int)height, white) : throw Damaged();

        static NotRepeatableException Damaged() => new($"The stage {StageOperation.RegionMask} does not describe a mask. The record is damaged.");
    }

    private static IEnumerable<int> Runs(byte[] pixels)
    {
        byte color = 0;
        for (int place = 0; place < pixels.Length;)
        {
            int next = pixels.AsSpan(place).IndexOf((byte)(byte.MaxValue - color));
            int length = next < 0 ? pixels.Length - place : next;
            yield return length;
            place += length;
            color = (byte)(byte.MaxValue - color);
        }
    }
}
