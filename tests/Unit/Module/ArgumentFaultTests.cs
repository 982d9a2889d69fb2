using System.Management.Automation;
using SdPowerShell.Parameters;

namespace StableDiffusion.Tests.Module;

/// <summary>PowerShell shows the texts of these errors as they are, and values of tables are quoted in them.</summary>
public sealed class ArgumentFaultTests
{
    private const string Text = "\u001b[31mred\nline\u0007\u202e";

    public static TheoryData<ArgumentTransformationAttribute, object> Refused => new()
    {
        { new SwitchAttribute(), Text },
        { new SchedulerOptionAttribute(), Text },
        { new SchedulerOptionAttribute(), new object[] { Text } },
        { new TextAttribute { FileAdvice = "Use it." }, new FileInfo(Text) },
        { new ImageAttribute { Columns = "Path" }, new PSObject(new { Path = Text }) },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void A_value_is_quoted_in_one_printable_line(ArgumentTransformationAttribute attribute, object value)
    {
        string message = Assert.ThrowsAny<ArgumentTransformationMetadataException>(() => attribute.Transform(null!, value)).Message;
        Assert.DoesNotContain(message, static letter => char.IsControl(letter) || letter == '\u202e');
        Assert.Contains("red", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_long_value_is_shortened() =>
        Assert.InRange(Assert.ThrowsAny<ArgumentTransformationMetadataException>(() => new SwitchAttribute().Transform(null!, new string('x', 100_000))).Message.Length, 1, 400);

    /// <summary>No attribute makes such an error by itself.</summary>
    [Fact]
    public void Only_one_place_makes_these_errors() =>
        Assert.DoesNotContain(
            Directory.EnumerateFiles(Path.Combine(Repository.Root, "src", "SdPowerShell"), "*.cs", SearchOption.AllDirectories),
            static file => !file.EndsWith("ArgumentFault.cs", StringComparison.Ordinal) && File.ReadAllText(file).Contains("new ArgumentTransformationMetadataException", StringComparison.Ordinal));
}
