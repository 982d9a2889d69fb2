using System.Management.Automation;
using System.Reflection;
using SdPowerShell.Commands;
using SdPowerShell.Parameters;

namespace StableDiffusion.Tests.Module.Commands;

/// <summary>Parameters that no base class can hold for all cmdlets that have them, and words that an attribute needs as constants.</summary>
public sealed class SharedParameterTests
{
    [Theory]
    [InlineData(typeof(GetTextEmbeddingCommand), typeof(NewDiffusionImageCommand), "PromptSyntax", "Emphasis", "ClipSkip", "TextualInversion")]
    [InlineData(typeof(GetTextEmbeddingCommand), typeof(GetPromptTokenCommand), "Prompt", "PromptSyntax", "Emphasis", "TextualInversion")]
    [InlineData(typeof(AddLatentNoiseCommand), typeof(MeasureNoisePredictionCommand), "Latent", "Seed", "RandomSource")]
    [InlineData(typeof(ResizeLatentCommand), typeof(SplitLatentCommand), "Latent")]
    [InlineData(typeof(GetDiffusionMetadataCommand), typeof(ConvertToLatentCommand), "Path", "LiteralPath", "InputObject")]
    [InlineData(typeof(ExportDiffusionImageCommand), typeof(NewDiffusionImageCommand), "NoMetadata", "Force")]
    public void Two_cmdlets_declare_them_alike(Type first, Type second, params string[] parameters) =>
        Assert.All(parameters, parameter => Assert.Equal(Declaration(first, parameter), Declaration(second, parameter)));

    [Fact]
    public void Export_offers_each_format_that_is_written()
    {
        ValidateSetAttribute offered = typeof(ExportDiffusionImageCommand).GetProperty(nameof(ExportDiffusionImageCommand.Format))!.GetCustomAttribute<ValidateSetAttribute>()!;
        Assert.Equal(FileEnding.All, offered.ValidValues);
    }

    private static IEnumerable<string> Declaration(Type cmdlet, string parameter)
    {
        PropertyInfo property = cmdlet.GetProperty(parameter)!;
        return property.CustomAttributes
            .Where(attribute => !attribute.AttributeType.FullName!.StartsWith("System.Runtime.CompilerServices.", StringComparison.Ordinal))
            .Select(attribute => attribute.ToString())
            .Order(StringComparer.Ordinal)
            .Prepend(property.PropertyType.ToString());
    }
}
