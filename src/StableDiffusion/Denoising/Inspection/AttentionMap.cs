using StableDiffusion.Images;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;
using StableDiffusion.Text;

namespace StableDiffusion.Denoising.Inspection;

/// <summary>
/// Where a denoising attends to a word of the prompt: cross-attention weights, brought to the size of the latent and averaged.
/// Source: Tang et al., "What the DAAM: Interpreting Stable Diffusion Using Cross Attention", arXiv 2210.04885.
/// </summary>
public sealed class AttentionMap
{
    // Of every CLIP of Stable Diffusion.
    private const int ChunkLength = 77;

    private const int Scale = 8;

    // How light an image is where the map is darkest.
    private const double Dark = 0.15;

    private AttentionMap(string token, IReadOnlyList<int> positions, Tensor values)
    {
        (Token, Positions, Values) = (token, positions, values);
        (Minimum, Maximum) = (TensorPrimitives.Min<float>(values.Span), TensorPrimitives.Max<float>(values.Span));
        Mean = values.Values.Average(static value => (double)value);
        (int height, int width) = (values.Shape[0], values.Shape[1]);
        double mass = 0, x = 0, y = 0;
        for (int i = 0; i < values.Length; i++)
        {
            double weight = values.Values[i] - Minimum;
            mass += weight;
            x += weight * ((i % width) + 0.5);
            y += weight * ((i / width) + 0.5);
        }

        (CenterX, CenterY) = mass > 0 ? (x / mass / width, y / mass / height) : (0.5, 0.5);
        Image = GrayImage.Of(LatentResize.Resize(values.Reshape(1, 1, height, width), height * Scale, width * Scale, LatentResizeMode.Bilinear, antialias: false).Values, width * Scale, Minimum, Maximum, scale: 1);
    }

    /// <summary>The word.</summary>
    public string Token { get; }

    /// <summary>The positions of its tokens, in the order of the text encoder's output.</summary>
    public IReadOnlyList<int> Positions { get; }

    /// <summary>The step, from 1; null for the mean of several.</summary>
    public int? Step { get; private init; }

    /// <summary>The layer; null for the mean of several.</summary>
    public string? Layer { get; private init; }

    /// <summary>The head, from 0; null for the mean of all.</summary>
    public int? Head { get; private init; }

    /// <summary>The weights at the size of the latent, [height, width]. Those of all tokens sum to 1 in each place.</summary>
    public Tensor Values { get; }

    /// <summary>The lowest weight.</summary>
    public float Minimum { get; }

    /// <summary>The highest weight.</summary>
    public float Maximum { get; }

    /// <summary>The mean of the weights.</summary>
    public double Mean { get; }

    /// <summary>The horizontal place of the center of mass of what is above the lowest weight: 0 is left, 1 right.</summary>
    public double CenterX { get; }

    /// <summary>The vertical place of the center of mass: 0 is at the top, 1 at the bottom.</summary>
    public double CenterY { get; }

    /// <summary>The map at the size of the image, from black, the lowest weight, to white, the highest. Its record claims nothing.</summary>
    public DiffusionImage Image { get; }

    /// <summary>Lays the map over an image: where the word had no effect, the image is dark.</summary>
    /// <param name="image">The image, of any size.</param>
    /// <returns>The image in the light of the map. Its record claims nothing.</returns>
    public DiffusionImage Over(DiffusionImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        float[] light = LatentResize.Resize(Values.Reshape(1, 1, Values.Shape[0], Values.Shape[1]), image.Height, image.Width, LatentResizeMode.Bilinear, antialias: false).Values;
        byte[] pixels = new byte[image.Pixels.Length];
        for (int i = 0; i < pixels.Length; i++)
        {
            double level = Maximum > Minimum ? Math.Clamp((light[i / DiffusionImage.Channels] - Minimum) / (Maximum - Minimum), 0, 1) : 1;
            pixels[i] = (byte)Math.Round(image.Pixels[i] * (Dark + ((1 - Dark) * level)));
        }

        return new DiffusionImage(image.Width, image.Height, pixels, new GenerationInfo());
    }

    /// <summary>Finds the tokens of a word in a prompt.</summary>
    /// <param name="tokens">The tokens of the prompt.</param>
    /// <param name="word">The word: a token, or several that follow each other; case makes no difference.</param>
    /// <returns>The positions of all of its occurrences; empty if there is none.</returns>
    public static IReadOnlyList<int> Find(IReadOnlyList<PromptToken> tokens, string word)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        ArgumentNullException.ThrowIfNull(word);
        int[] places = [.. tokens.Select((token, index) => (token.Chunk * ChunkLength) + index - FirstOf(token.Chunk) + 1)];
        List<int> positions = [];
        for (int first = 0; first < tokens.Count; first++)
        {
            string joined = string.Empty;
            for (int last = first; last < tokens.Count && joined.Length < word.Length; last++)
            {
                joined += tokens[last].Text;
                if (joined.Equals(word, StringComparison.OrdinalIgnoreCase))
                    positions.AddRange(places[first..(last + 1)]);
            }
        }

        return [.. positions.Distinct()];

        int FirstOf(int chunk) => tokens.TakeWhile(token => token.Chunk != chunk).Count();
    }

    /// <summary>Averages weights over steps, layers and heads.</summary>
    /// <param name="weights">The weights, one or more, of one denoising.</param>
    /// <param name="word">The word.</param>
    /// <param name="positions">The positions of its tokens, one or more.</param>
    /// <param name="head">The head, which all layers have; null for the mean of all.</param>
    /// <returns>The map.</returns>
    internal static AttentionMap Of(IReadOnlyList<AttentionWeights> weights, string word, IReadOnlyList<int> positions, int? head)
    {
        (int height, int width) = (weights[0].LatentHeight, weights[0].LatentWidth);
        Tensor sum = new(height, width);
        foreach (AttentionWeights layer in weights)
            TensorPrimitives.Add(sum.Span, LatentResize.Resize(layer.MapOf(positions, head), height, width, LatentResizeMode.Bilinear, antialias: false).Span, sum.Span);
        TensorPrimitives.Divide(sum.Span, weights.Count, sum.Span);
        return new AttentionMap(word, positions, sum)
        {
            Step = Only(weights.Select(static layer => (int?)layer.Step)),
            Layer = Only(weights.Select(static layer => layer.Layer)),
            Head = head,
        };

        static T? Only<T>(IEnumerable<T> values) => values.Distinct().Take(2).ToArray() is [T only] ? only : default;
    }

    /// <summary>The map as text.</summary>
    /// <returns>The word and the center.</returns>
    public override string ToString() => PrintableText.Of($"'{Token}' around {CenterX:P0}, {CenterY:P0}");
}
