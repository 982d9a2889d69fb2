using StableDiffusion.Detecting;
using StableDiffusion.Library;

namespace SdPowerShell.Parameters;

/// <summary>The detector of a cmdlet, which stays open for the next image.</summary>
internal sealed class DetectorInUse() : NetworkInUse<Detector>(static (nameOrPath, device, progress, cancellationToken) => ModelLibrary.Default.OpenDetector(nameOrPath, device, progress, cancellationToken))
{
    /// <summary>Finds a detector.</summary>
    /// <param name="detector">Its name or path.</param>
    /// <param name="isNameOnly">Whether it can be a name but no path.</param>
    /// <param name="find">Finds a file by a path of the user; null if there is none.</param>
    /// <returns>The name or full path for the engine.</returns>
    /// <exception cref="StableDiffusion.DetectorNotFoundException">There is no such detector.</exception>
    public static string Find(string detector, bool isNameOnly, Func<string, string?> find)
    {
        NetworkStore store = ModelLibrary.Default.Detectors;
        if (Detector.IsBuiltIn(detector))
            return Detector.BuiltIn;
        if (isNameOnly)
            store.CheckName(detector);
        string found = store.Contains(detector) ? detector : find(detector) ?? detector;
        store.Locate(found);
        return found;
    }
}
