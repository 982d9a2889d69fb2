namespace StableDiffusion.Tests;

/// <summary>Tests of what the whole process shares, such as which models are open: no other test runs beside them.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class AloneCollection
{
    public const string Name = "Alone";
}
