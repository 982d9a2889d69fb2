namespace StableDiffusion.Tests.Module.Commands;

/// <summary>The tests that share a <see cref="CommandShell"/>.</summary>
[CollectionDefinition(Name)]
public sealed class CommandCollection : ICollectionFixture<CommandShell>
{
    public const string Name = "Cmdlets";
}
