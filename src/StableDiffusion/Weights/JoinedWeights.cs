namespace StableDiffusion.Weights;

/// <summary>The weights of a network whose parts are in files of their own.</summary>
/// <param name="parts">The parts, at least one. A weight is taken from the first part that has it.</param>
internal sealed class JoinedWeights(IReadOnlyList<IWeights> parts) : IWeights
{
    public string Source => parts[0].Source;

    public string SourceOf(string name) => PartOf(name)?.SourceOf(name) ?? Source;

    public IReadOnlyList<long>? FindShape(string name) => PartOf(name)?.FindShape(name);

    public void Read(string name, Span<float> destination, long start = 0) =>
        (PartOf(name) ?? throw new ModelInvalidException($"'{Source}' has no tensor '{name}'.")).Read(name, destination, start);

    private IWeights? PartOf(string name) => parts.FirstOrDefault(part => part.FindShape(name) is not null);
}
