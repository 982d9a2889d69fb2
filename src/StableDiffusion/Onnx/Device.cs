using System.Globalization;

namespace StableDiffusion.Onnx;

/// <summary>A device to run on: a kind, and which one of that kind. Its text form is <c>Cpu</c>, <c>Cuda</c>, <c>Cuda:1</c> …</summary>
/// <param name="Kind">The kind of device.</param>
/// <param name="Index">Which one of the kind, from 0.</param>
public sealed record Device(DeviceKind Kind, int Index = 0)
{
    /// <summary>The word that stands for the best device there is.</summary>
    public const string Auto = "Auto";

    /// <summary>The processor.</summary>
    public static Device Cpu { get; } = new(DeviceKind.Cpu);

    /// <summary>Reads a device from its text form, in any case; <see cref="Auto"/> is not a device and must be resolved first.</summary>
    /// <param name="text">Such as <c>Cpu</c> or <c>cuda:1</c>.</param>
    /// <returns>The device.</returns>
    /// <exception cref="InvalidSettingException">The text names no kind of device, or its index is not a number from 0 to 63.</exception>
    public static Device Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        ReadOnlySpan<char> kindText = text;
        int index = 0;
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        if (colon >= 0)
        {
            kindText = kindText[..colon];
            if (!int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out index) || index > 63)
                throw new InvalidSettingException("Device", $"The device '{text}' is not known: after the colon stands the card's number, from 0 to 63.");
        }

        foreach (DeviceKind kind in Enum.GetValues<DeviceKind>())
        {
            if (!kindText.Equals(kind.ToString(), StringComparison.OrdinalIgnoreCase))
                continue;
            if (colon >= 0 && kind is (DeviceKind.Cpu or DeviceKind.CoreML or DeviceKind.OpenVino))
                throw new InvalidSettingException("Device", $"The device '{text}' is not known: {kind} takes no number.");
            return new Device(kind, index);
        }

        throw new InvalidSettingException(
            "Device",
            $"The device '{text}' is not known. Use Auto, {string.Join(", ", Enum.GetNames<DeviceKind>())}, or a card by its number, such as Cuda:1.");
    }

    /// <summary>The text form, which <see cref="Parse"/> reads.</summary>
    /// <returns>Such as <c>Cpu</c> or <c>Cuda:1</c>.</returns>
    public override string ToString() => Index == 0 ? Kind.ToString() : string.Create(CultureInfo.InvariantCulture, $"{Kind}:{Index}");
}
