using System.Globalization;
using System.Text.Json;
using StableDiffusion.Noise;
using StableDiffusion.Sampling;

namespace StableDiffusion.Tests.Sampling;

/// <summary>A run that a reference implementation made on the closed-form model, and what ours deviates from it by.</summary>
/// <param name="reference">The case in the file of reference numbers.</param>
internal abstract class ReferenceCase(JsonElement reference)
{
    private const int SampleLength = 256;

    public int Steps { get; } = reference.GetProperty("steps").GetInt32();

    /// <summary>How much of the run image-to-image makes; null for text-to-image.</summary>
    public double? Strength { get; } = reference.TryGetProperty("strength", out JsonElement strength) ? strength.GetDouble() : null;

    /// <summary>What the case sets, as <c>name=value</c>; empty for none.</summary>
    public abstract string Options { get; }

    /// <summary>The scheduler under the name that asks for it.</summary>
    public abstract SchedulerInfo Info { get; }

    /// <summary>How a row of <c>docs/samplers.md</c> about the case starts: scheduler, options, and where both come from.</summary>
    public string RowStart => $"| {Info.Name} | {(Options.Length == 0 ? string.Empty : $"`{Options}`")} | `{Info.ClassName}`, {Info.Paper[Info.Paper.IndexOf("arXiv:", StringComparison.Ordinal)..]} |";

    protected JsonElement Reference { get; } = reference;

    protected int Seed { get; } = reference.GetProperty("seed").GetInt32();

    /// <summary>Runs the scheduler in each way that the case can be asked for.</summary>
    /// <returns>Timesteps and noise levels, and last the final sample.</returns>
    public abstract IEnumerable<IReadOnlyList<Deviation>> Measure();

    /// <summary>The sample that the run starts with: noise, or a picture with noise.</summary>
    /// <param name="scheduler">The scheduler.</param>
    /// <param name="first">The call that the run starts at.</param>
    protected float[] FirstSample(Scheduler scheduler, int first)
    {
        float[] sample = new float[SampleLength];
        new TorchRandom(Seed).Normal(sample);
        if (Strength is null)
        {
            foreach (ref float value in sample.AsSpan())
                value *= scheduler.InitNoiseSigma;
            return sample;
        }

        float[] picture = new float[SampleLength];
        for (int i = 0; i < picture.Length; i++)
            picture[i] = (float)(0.5 * Math.Cos(0.11 * i));
        scheduler.AddNoise(picture, sample, first, picture);
        return picture;
    }

    protected static JsonElement Load(string file) => JsonDocument.Parse(File.ReadAllBytes(Repository.Data(file))).RootElement;

    protected static float[] Floats(JsonElement element, string name) =>
        [.. element.GetProperty(name).EnumerateArray().Select(value => value.GetSingle())];

    /// <summary>The settings in a member of the case, if it has that.</summary>
    protected Dictionary<string, object?> Settings(string name) => Reference.TryGetProperty(name, out JsonElement given) ? Values(given) : [];

    /// <summary>The settings in members of the case, and its strength, as <see cref="Options"/> has them.</summary>
    protected IEnumerable<string> Pairs(params IEnumerable<string> names)
    {
        foreach (string name in names)
        {
            if (Reference.TryGetProperty(name, out JsonElement given))
            {
                foreach (JsonProperty property in given.EnumerateObject())
                    yield return $"{property.Name}={property.Value.ToString().ToLowerInvariant()}";
            }
        }

        if (Strength is double strength)
            yield return string.Create(CultureInfo.InvariantCulture, $"strength={strength}");
    }

    protected static Dictionary<string, object?> Values(JsonElement element) => element.EnumerateObject().ToDictionary(
        property => property.Name,
        property => (object?)(property.Value.ValueKind switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            JsonValueKind.Number => property.Value.GetDouble(),
            _ => property.Value.GetString(),
        }));
}
