using System.Collections;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace StableDiffusion.Settings;

/// <summary>The stages that made an image, a latent or an embedding, in their order. Immutable.</summary>
[JsonConverter(typeof(StageListConverter))]
public sealed class StageList : IReadOnlyList<GenerationStage>, IEquatable<StageList>
{
    /// <summary>How deep the inputs of stages may be nested in each other.</summary>
    internal const int DeepestInputs = 8;

    /// <summary>The highest number of stages, with those of all inputs.</summary>
    internal const int MostStages = 20_000;

    /// <summary>The number of hexadecimal digits of a hash.</summary>
    internal const int HashLength = 16;

    /// <summary>What to say of stages that end with a change by a script, which cannot be repeated.</summary>
    internal const string EditWarning = "A script changed the values after the last recorded stage, and the record does not tell how. What is made again from the record does not have this change.";

    private readonly GenerationStage[] _stages;

    internal StageList(params IEnumerable<GenerationStage> stages) => _stages = [.. stages];

    /// <inheritdoc/>
    public int Count => _stages.Length;

    /// <summary>The result's hash, as in <see cref="GenerationStage.Output"/>; null if unknown.</summary>
    internal string? Output => Count == 0 ? null : _stages[^1].Output;

    /// <summary>The file of an image that was read; null if it was made.</summary>
    internal string? File => _stages.LastOrDefault(static stage => stage.Operation == StageOperation.ReadImage)?.Text("Path");

    /// <summary>The files of all images that the stages began with.</summary>
    internal IEnumerable<string> Files => _stages.SelectMany(static stage => stage.Inputs.Values.SelectMany(static lists => lists).SelectMany(static list => list.Files)
        .Concat(stage.Operation == StageOperation.ReadImage ? [stage.Text("Path") ?? "?"] : []));

    internal int Depth => _stages.Select(static stage => stage.Depth).DefaultIfEmpty(0).Max();

    internal int TotalCount => _stages.Sum(static stage => stage.Count);

    /// <summary>Whether all stages can be repeated, as far as the record tells.</summary>
    internal bool IsKnown => Count > 0 && WithInputs().All(static stage => StageOperation.IsRepeatable(stage.Operation));

    /// <summary>Whether the prompt or the negative prompt of the last denoising was merged from several, so that its text is none that can be encoded.</summary>
    internal bool HasMergedPrompt => _stages.LastOrDefault(static stage => stage.Operation == StageOperation.Denoise)?.Inputs.Values.SelectMany(static lists => lists)
        .Any(static list => list is [.., { Operation: StageOperation.MergeEmbeddings }]) == true;

    /// <summary>Whether a latent of these stages was merged from several, so that no denoising made the whole of it.</summary>
    internal bool HasMergedLatent => _stages.Any(static stage => stage.Operation == StageOperation.MergeLatents);

    /// <summary>Whether the latent that was decoded last was merged from several. A denoising after the merge made another one.</summary>
    internal bool EndsInMergedLatent => _stages.LastOrDefault(static stage => stage.Operation is StageOperation.MergeLatents or StageOperation.Denoise or StageOperation.RepaintTiles or StageOperation.Repair)
        is { Operation: StageOperation.MergeLatents };

    /// <inheritdoc/>
    public GenerationStage this[int index] => _stages[index];

    /// <summary>All stages, each after those of its inputs.</summary>
    internal IEnumerable<GenerationStage> WithInputs() => _stages.SelectMany(static stage => stage.Inputs.Values.SelectMany(static lists => lists).SelectMany(static list => list.WithInputs()).Append(stage));

    /// <summary>Adds a stage. One with too many stages in its inputs is replaced by one that cannot be repeated.</summary>
    /// <param name="stage">The stage.</param>
    internal StageList Append(GenerationStage stage) => stage.Depth <= DeepestInputs && stage.Count + TotalCount <= MostStages
        ? new StageList([.. _stages, stage])
        : Unknown(stage.Output);

    /// <summary>Adds a stage without inputs whose result does not depend on versions and devices.</summary>
    /// <param name="operation">The operation.</param>
    /// <param name="output">The hash of its result.</param>
    /// <param name="settings">Its settings.</param>
    internal StageList Append(string operation, string output, params ReadOnlySpan<(string Name, object Value)> settings)
    {
        OrderedDictionary<string, object> values = new(StringComparer.Ordinal);
        foreach ((string name, object value) in settings)
            values.Add(name, value);
        return Append(new GenerationStage { Operation = operation, Settings = values, Output = output });
    }

    /// <summary>The stages before a script changed their result; all stages if none did, or if nothing else is known.</summary>
    internal StageList BeforeEdit() => Count > 1 && this is [.., { Operation: StageOperation.Edit }] ? new StageList(_stages[..^1]) : this;

    /// <summary>The stages of values that a script changed after the last one.</summary>
    /// <param name="output">The hash of the values.</param>
    internal StageList Edit(string output) => new StageList(_stages.Reverse().SkipWhile(static stage => stage.Operation == StageOperation.Edit).Reverse()).Append(StageOperation.Edit, output);

    /// <summary>The stages of something whose origin is not known.</summary>
    /// <param name="output">The hash of its values.</param>
    internal static StageList Unknown(string? output) => new(new GenerationStage { Operation = StageOperation.Edit, Output = output });

    /// <summary>The stages of an object that may have been changed since they were recorded.</summary>
    /// <param name="recorded">The stages; null if none were recorded.</param>
    /// <param name="values">Its values.</param>
    /// <returns>The stages, with one more if the values are others.</returns>
    internal static StageList Of<T>(StageList? recorded, ReadOnlySpan<T> values)
        where T : unmanaged
    {
        string output = Hash(values);
        if (recorded is null or { Count: 0 })
            return Unknown(output);
        return recorded.Output == output ? recorded : recorded.Edit(output);
    }

    /// <summary>The hash of values, as in <see cref="GenerationStage.Output"/>.</summary>
    /// <param name="values">The values.</param>
    internal static string Hash<T>(ReadOnlySpan<T> values)
        where T : unmanaged => Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes(values)))[..HashLength];

    /// <inheritdoc/>
    public IEnumerator<GenerationStage> GetEnumerator() => ((IEnumerable<GenerationStage>)_stages).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => _stages.GetEnumerator();

    /// <inheritdoc/>
    public bool Equals(StageList? other) => ReferenceEquals(this, other) || (other is not null && Output == other.Output && Count == other.Count && JsonSerializer.Serialize(this) == JsonSerializer.Serialize(other));

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as StageList);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Count, Output);

    /// <summary>The stages in words.</summary>
    /// <returns>The operations, in their order, with the prompts of denoisings.</returns>
    public override string ToString() => string.Join(", ", _stages.Select(static stage => stage.InWords()));
}
