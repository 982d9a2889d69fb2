using StableDiffusion.Denoising.CrossAttention;
using StableDiffusion.Images;

namespace StableDiffusion.Reports;

/// <summary>
/// Where the image looked at each token, as images of a report. The more tokens there are, the smaller they get, so that the page does
/// not grow beyond a size that can be sent.
/// </summary>
/// <param name="Images">The images, by the place of the token among the vectors of the prompt. The tokens of a word share one.</param>
/// <param name="Missing">How many tokens have none, since even the smallest images are too large together.</param>
internal sealed record ReportMaps(IReadOnlyDictionary<int, ReportImage> Images, int Missing)
{
    /// <summary>The most characters that all maps take in the page.</summary>
    public const int MostCharacters = 3 << 19;

    private static readonly int[] s_sides = [256, 192, 128, 96, 64];

    /// <summary>Draws the maps over the image.</summary>
    /// <param name="maps">The maps.</param>
    /// <param name="image">The image.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    public static ReportMaps Of(IReadOnlyList<AttentionMap> maps, DiffusionImage image, CancellationToken cancellationToken)
    {
        if (Draw(maps, image, s_sides[0], isSmall: false, cancellationToken) is { Missing: 0 } whole)
            return whole;

        ReportMaps? drawn = null;
        int longest = Math.Max(image.Width, image.Height);
        foreach (int side in s_sides.SkipWhile(side => side > longest && side != s_sides[^1]))
        {
            drawn = Draw(maps, image, side, isSmall: true, cancellationToken);
            if (drawn.Missing == 0)
                break;
        }

        return drawn!;
    }

    private static ReportMaps Draw(IReadOnlyList<AttentionMap> maps, DiffusionImage image, int side, bool isSmall, CancellationToken cancellationToken)
    {
        DiffusionImage under = ReportImage.Shrink(image, side);
        Dictionary<int, ReportImage> images = [];
        long left = MostCharacters;
        foreach (AttentionMap map in maps)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int[] positions = [.. map.Positions.Where(position => !images.ContainsKey(position))];
            ReportImage drawn = ReportImage.Of(map.ToImage(under), $"Where the image looked at '{map.Token}'", side, cancellationToken, isSmall);
            left -= (long)positions.Length * drawn.Address.Length;
            if (left < 0)
                break;
            foreach (int position in positions)
                images.Add(position, drawn);
        }

        return new ReportMaps(images, maps.SelectMany(static map => map.Positions).Distinct().Count(position => !images.ContainsKey(position)));
    }
}
