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

    // As for other images of a report, and then ever smaller.
    private static readonly (int Side, bool IsSmall)[] s_sizes = [(256, false), (256, true), (192, true), (128, true), (96, true), (64, true)];

    /// <summary>Draws the maps over the image.</summary>
    /// <param name="maps">The maps.</param>
    /// <param name="image">The image.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    public static ReportMaps Of(IReadOnlyList<AttentionMap> maps, DiffusionImage image, CancellationToken cancellationToken)
    {
        int[] positions = [.. maps.SelectMany(static map => map.Positions).Distinct()];
        Dictionary<int, ReportImage> images = [];
        foreach ((int side, bool isSmall) in s_sizes)
        {
            DiffusionImage under = ReportImage.Shrink(image, side);

            // One map tells whether it is of use to draw all of them in this size.
            bool isLast = side == s_sizes[^1].Side;
            if (!isLast && maps.Count > 0 && (long)DrawOne(maps[maps.Count / 2]).Address.Length * positions.Length > MostCharacters)
                continue;

            images = Draw(maps, DrawOne, cancellationToken);
            if (images.Count == positions.Length)
                break;

            ReportImage DrawOne(AttentionMap map) => ReportImage.Of(map.ToImage(under), $"Where the image looked at '{map.Token}'", side, cancellationToken, isSmall);
        }

        return new ReportMaps(images, positions.Length - images.Count);
    }

    private static Dictionary<int, ReportImage> Draw(IReadOnlyList<AttentionMap> maps, Func<AttentionMap, ReportImage> drawOne, CancellationToken cancellationToken)
    {
        Dictionary<int, ReportImage> images = [];
        long left = MostCharacters;
        foreach (AttentionMap map in maps)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int[] positions = [.. map.Positions.Where(position => !images.ContainsKey(position))];
            ReportImage drawn = drawOne(map);
            left -= (long)positions.Length * drawn.Address.Length;
            if (left < 0)
                break;
            foreach (int position in positions)
                images.Add(position, drawn);
        }

        return images;
    }
}
