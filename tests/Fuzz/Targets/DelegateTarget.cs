using System.Text;
using StableDiffusion.Fuzz.Mutations;

namespace StableDiffusion.Fuzz.Targets;

/// <summary>A reader of a text or of a file that is only one call.</summary>
/// <param name="name">The name of the target.</param>
/// <param name="mutations">The changes that know the format.</param>
/// <param name="corpus">The valid cases.</param>
/// <param name="read">Reads a case, and returns the texts for the user.</param>
internal sealed class DelegateTarget(string name, IReadOnlyList<Mutation> mutations, Func<IEnumerable<byte[]>> corpus, Func<byte[], IEnumerable<string>> read)
    : FuzzTarget(name, mutations)
{
    /// <summary>A target whose reader takes a text.</summary>
    public static DelegateTarget OfText(string name, IReadOnlyList<Mutation> mutations, IEnumerable<string> corpus, Func<string, IEnumerable<string>> read) =>
        new(name, mutations, () => corpus.Select(Encoding.UTF8.GetBytes), data => read(Encoding.UTF8.GetString(data)));

    /// <inheritdoc/>
    public override IEnumerable<string> Run(byte[] data) => read(data);

    /// <inheritdoc/>
    protected override IEnumerable<byte[]> MakeCorpus() => corpus();
}
